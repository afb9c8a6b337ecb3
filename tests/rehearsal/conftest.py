from pathlib import Path

import pytest

from builder.config import Wanted, read_wanted
from rehearsal.told import Told


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def wanted(project: Path) -> Wanted:
    return read_wanted(project / "dr.yaml")
