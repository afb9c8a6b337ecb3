"""The requirements of a Python function: each pinned and hashed, chosen for a machine, and complete once installed."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.packing.machine import Machine
from builder.packing.source import REQUIREMENTS, NoSource

COMPILE = (
    "mv requirements.txt requirements.in && "
    "uv pip compile --universal --generate-hashes --python-version {python} requirements.in -o requirements.txt"
)
"""What makes pins with hashes of what has none, for every machine."""
_HASH = re.compile(r"\s--hash[=\s]\s*(\S+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OF_INDEXES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host")
_ALWAYS_PASSED = ("--require-hashes", "--only-binary", "--prefer-binary")


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement with the hashes that its files may have."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name as indexes compare it."""
        return canonicalize_name(self.requirement.name)


@dataclass(frozen=True, slots=True)
class Pins:
    """What a file of requirements says."""

    pins: tuple[Pin, ...] = ()
    options: tuple[str, ...] = ()
    """Where they come from, line by line as they were written."""


def read_pins(text: str, python: str, where: str = REQUIREMENTS) -> Pins:
    """Return what a file of requirements says. Raises NoSource for what is not pinned with hashes, or is no package.

    Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    pins, options = [], []
    for number, line in _lines(text):
        place = f"{where}, line {number}"
        if line.startswith("-"):
            option = re.split(r"[=\s]", line, maxsplit=1)[0]
            if option in _OF_INDEXES:
                options.append(line)
            elif option not in _ALWAYS_PASSED:
                raise NoSource(f"says {option} in {place}: only packages with versions and hashes are built")
        else:
            pins.append(_pin(line, place, COMPILE.format(python=python)))
    return Pins(tuple(pins), tuple(options))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, those joined that a backslash ends, without comments."""
    joined, start = "", 0
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        start = start or number
        line = raw if not raw.lstrip().startswith("#") else ""
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        if whole := _COMMENT.sub("", joined + line).strip():
            yield start, whole
        joined, start = "", 0
    if whole := _COMMENT.sub("", joined).strip():
        yield start, whole


def _pin(line: str, place: str, command: str) -> Pin:
    hashes = tuple(_HASH.findall(line))
    named = _HASH.sub("", line).strip()
    try:
        requirement = Requirement(named)
    except InvalidRequirement as error:
        raise NoSource(f"has '{named}' in {place}, which is no package with a version") from error
    (only, *others) = tuple(requirement.specifier) or (None,)
    pinned = requirement.url or (only and not others and only.operator in ("==", "===") and "*" not in only.version)
    if not pinned:
        raise NoSource(f"has {requirement.name} without one version in {place}: {command}")
    if not hashes:
        raise NoSource(f"has {named} without a hash in {place}: {command}")
    return Pin(requirement, hashes)


def pins_for(pins: Iterable[Pin], machine: Machine) -> tuple[Pin, ...]:
    """Return what is installed for a machine: what markers leave. Raises NoSource for two versions of one package."""
    chosen: dict[str, Pin] = {}
    for pin in pins:
        if not _applies(pin.requirement, machine):
            continue
        if (other := chosen.get(pin.name)) and other.requirement.specifier != pin.requirement.specifier:
            raise NoSource(f"has {pin.name} in two versions for {machine.name}")
        chosen[pin.name] = pin
    return tuple(chosen.values())


def _applies(requirement: Requirement, machine: Machine, extra: str = "") -> bool:
    if requirement.marker is None:
        return True
    of_target: dict[str, str] = {} if machine.here else machine.markers
    return requirement.marker.evaluate({**of_target, "extra": extra})


def text_of(pins: Sequence[Pin], options: Sequence[str]) -> str:
    """Return the file that an installer is given: no markers, which pip holds against the Python that runs it."""
    lines = [*options]
    for pin in pins:
        requirement = pin.requirement
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        version = f" @ {requirement.url}" if requirement.url else str(requirement.specifier)
        lines.append(" ".join([f"{requirement.name}{extras}{version}", *(f"--hash={digest}" for digest in pin.hashes)]))
    return "\n".join(lines) + "\n"


def check_complete(installed: Collection[Distribution], pins: Sequence[Pin], machine: Machine, where: str) -> None:
    """Raise NoSource for a package that another one needs and that is not there, or is there in another version.

    Packages are installed without what they need, since pip asks the Python that runs it what that is; so it is asked
    here, of the packages themselves.
    """
    by_name: dict[str, Distribution] = {canonicalize_name(package.metadata["Name"]): package for package in installed}
    extras: dict[str, set[str]] = {pin.name: set(pin.requirement.extras) for pin in pins}
    waiting = list(by_name)
    while waiting:
        name = waiting.pop()
        for need in _needs(by_name[name], extras.get(name, set()), machine):
            _check_need(by_name[name], need, by_name, where)
            needed = canonicalize_name(need.name)
            if not need.extras <= extras.setdefault(needed, set()):
                extras[needed] |= need.extras
                waiting.append(needed)


def _needs(package: Distribution, extras: Collection[str], machine: Machine) -> list[Requirement]:
    needs = [Requirement(text) for text in package.requires or ()]
    return [need for need in needs if any(_applies(need, machine, extra) for extra in ("", *extras))]


def _check_need(package: Distribution, need: Requirement, by_name: Mapping[str, Distribution], where: str) -> None:
    there = by_name.get(canonicalize_name(need.name))
    of = f"needs {need.name}{need.specifier} for {package.metadata['Name']} {package.version}"
    if there is None:
        raise NoSource(f"{of}, and {where} does not have it")
    if not need.url and not need.specifier.contains(there.version, prereleases=True):
        raise NoSource(f"{of}, and {where} has {there.version}")
