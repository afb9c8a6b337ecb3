"""What Linux knows about a process: its children, its listening sockets, and when it ends."""

import os
import select
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the processes that `pid` has started and not yet collected."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def listening_addresses(pid: int) -> set[str]:
    """Return the addresses, as the kernel prints them (hexadecimal), that `pid` listens on over TCP."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:  # It was closed meanwhile.
            continue
        if target.startswith("socket:"):
            inodes.add(target[len("socket:[") : -1])
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                addresses.add(local)
    return addresses


def ends_within(pid: int, seconds: float) -> bool:
    """Return whether `pid` ends in time; also if it is nobody's child, or ended before."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
