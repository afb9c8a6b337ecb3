"""The tag by which all that these tests make is known: of which run it is, and whether that has died."""

import hashlib
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG = "two-region-dr:tests-on-aws"
RUN = "TESTS_ON_AWS_RUN"
"""The environment variable that tells a run's workers which run it is."""
_LONGEST = timedelta(hours=6)
_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Mark:
    """A run, and in it a test; written as `20261129T044500Z/0a1b2c3d/4711/t5e6f7a8b`."""

    began: datetime
    host: str
    process: int
    test: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a tag's value says. Raises ValueError for one that these tests have not written."""
        began, host, process, test = text.split("/")
        return cls(datetime.strptime(began, _FORMAT).replace(tzinfo=UTC), host, int(process), test)

    def __str__(self) -> str:
        return f"{self.began:{_FORMAT}}/{self.host}/{self.process}/{self.test}"

    def is_dead(self) -> bool:
        """Return whether its run has ended: here no process has its number, or it began six hours ago."""
        if datetime.now(UTC) - self.began > _LONGEST:
            return True
        return self.host == _host() and not _is_running(self.process)


def find_mark(tags: "Iterable[object]") -> Mark | None:
    """Return what the tests' tag says among those that AWS shows, None without one that they have written."""
    for each in tags:
        match each:
            case {"Key": key, "Value": str(value)} if key == TAG:
                try:
                    return Mark.read(value)
                except ValueError:
                    return None
    return None


def this_run() -> Mark:
    """Return the run of this process, or of the one that made it a worker."""
    if text := os.environ.get(RUN):
        return Mark.read(text)
    return Mark(datetime.now(UTC).replace(microsecond=0), _host(), os.getpid())


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
