"""What code is built for: Lambda's interpreter and processor, or those of the machine at hand."""

import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.tags import Tag

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""By Lambda's architectures what Linux calls them."""
_NODE = {"x86_64": "x64", "arm64": "arm64"}
_GLIBC = 34
"""The minor version of glibc in Amazon Linux 2023, which every runtime here has.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""
_OLDEST = {"x86_64": 5, "aarch64": 17}
_OTHER_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""By the minor version what its platform was called before.

Source: https://peps.python.org/pep-0600/
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A runtime on an architecture, as Lambda names them."""

    runtime: str
    architecture: str
    here: bool = False
    """It is this machine and this interpreter, whatever the two say."""

    @property
    def name(self) -> str:
        """What an archive says that it was built for."""
        if self.here:
            node = self.runtime.startswith("nodejs")
            return f"{'nodejs' if node else _python_here()} on {sys.platform} {platform.machine()}"
        return f"{self.runtime} on {self.architecture}"

    @property
    def python(self) -> str:
        """The version of Python, `3.13`."""
        return self.runtime.removeprefix("python")

    @property
    def uv_platform(self) -> str:
        """The newest platform whose wheels run there, as uv names it."""
        return f"{_MACHINES[self.architecture]}-manylinux_2_{_GLIBC}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every platform whose wheels run there, the newest first."""
        machine = _MACHINES[self.architecture]
        return tuple(
            f"{name}_{machine}"
            for minor in range(_GLIBC, _OLDEST[machine] - 1, -1)
            for name in (f"manylinux_2_{minor}", _OTHER_NAMES.get(minor))
            if name
        )

    @property
    def node_platform(self) -> tuple[str, ...]:
        """The options by which npm knows the machine."""
        return (f"--cpu={_NODE[self.architecture]}", "--os=linux", "--libc=glibc")

    @property
    def markers(self) -> dict[str, str]:
        """What the markers of requirements are held against.

        Source: https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
        """
        version = f"{self.python}.0"
        return {
            "implementation_name": "cpython",
            "implementation_version": version,
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": version,
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def tags(self) -> "Iterator[Tag]":
        """Yield the tags of the wheels that run there, the best first."""
        # Only who has packages pays for this import.
        from packaging.tags import compatible_tags, cpython_tags  # noqa: PLC0415

        version = (3, int(self.python.partition(".")[2]))
        yield from cpython_tags(version, platforms=self.platforms)
        yield from compatible_tags(version, f"cp{version[0]}{version[1]}", self.platforms)


def is_here(machine: Machine) -> bool:
    """Return whether what is built for a machine runs on this one: its processor and system, and its Python too."""
    if sys.platform != "linux" or platform.machine() != _MACHINES[machine.architecture] or not _has_glibc():
        return False
    return machine.runtime.startswith("nodejs") or machine.runtime == _python_here()


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, OSError, ValueError):
        return False


def _python_here() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"
