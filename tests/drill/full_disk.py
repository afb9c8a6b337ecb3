"""A disk that takes no more, for a file that this process has open."""

import os
from pathlib import Path


def fill_up(path: Path) -> None:
    """From now on every write to the open file fails with ENOSPC."""
    (number,) = [int(link.name) for link in Path("/proc/self/fd").iterdir() if link.resolve() == path.resolve()]
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, number)
    os.close(full)
