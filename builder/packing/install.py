"""Packages installed into a folder by uv, pip or npm: nothing of theirs is run, and only what they hold is taken.

Which of uv and pip does it changes no byte: both are given the same pins, and where they differ is not packed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.tags import parse_tag

from builder.packing.machine import Machine
from builder.packing.recipe import LOCK, NPM, NPM_LOCK, PACKAGE, PYPROJECT, UV, UV_LOCK, packages_of
from builder.packing.requirements import Pin, Pins, check_complete, pins_for, read_pins, text_of
from builder.packing.source import REQUIREMENTS, NoSource, Ships, files_below

_OF_INSTALLERS = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", ".lock"}
)
"""Files that say who installed a package and how, not what is in it."""
# They would send packages to another folder than the one that is given, or take another Python than this one.
_NOT_OURS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_BINARY")
_NOT_OURS_OF_UV = ("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_NO_BINARY", "UV_PROJECT", "UV_WORKING_DIRECTORY")
_ENVIRONMENT = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "NO_COLOR": "1",
}
_LINES = 6
_MISSING = (
    re.compile(r"No matching distribution found for (?P<name>[^\s(;]+)"),
    re.compile(r"Because (?P<name>\S+) has no (?:usable )?wheels"),
    re.compile(r"Because there (?:is|are) no (?:version|versions) of (?P<name>\S+)"),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """Packages as they are packed, with their names in the archive; and what a person should know of them."""

    files: tuple[tuple[str, Path], ...] = ()
    notes: tuple[str, ...] = ()


def install(recipe: str, folder: Path, machine: Machine, into: Path) -> Installed:
    """Install what the lock file of a function's folder says; `into` is an empty folder to work in.

    Raises NoSource, with the package's name, where something cannot be had for the machine.
    """
    return _install_node(folder, machine, into) if recipe == NPM else _install_python(recipe, folder, machine, into)


def _install_python(recipe: str, folder: Path, machine: Machine, into: Path) -> Installed:
    where = LOCK[recipe]
    pins = _export(folder, machine, into) if recipe == UV else _read(folder / REQUIREMENTS, machine)
    chosen = pins_for(pins.pins, machine)
    if not chosen:
        return Installed()
    (into / "pins.txt").write_text(text_of(chosen, pins.options), encoding="utf-8")
    packages = into / "packages"
    command = [*_installer(machine), "--target", str(packages), "-r", str(into / "pins.txt")]
    # Relative paths in the options of a file of requirements are relative to that file.
    _run(command, into if recipe == UV else folder, chosen, machine)
    installed = tuple(distributions(path=[str(packages)]))
    _check_tags(installed, machine)
    check_complete(installed, chosen, machine, where)
    return Installed(files_below(packages, ships=_ships_python(packages)))


def _read(path: Path, machine: Machine) -> Pins:
    return read_pins(path.read_text(encoding="utf-8"), machine.python)


def _export(folder: Path, machine: Machine, into: Path) -> Pins:
    """Return what uv.lock says, as uv reads it."""
    uv = _uv()
    if uv is None:
        raise NoSource(f"has {UV_LOCK}, which only uv reads, and it is not here: pip install uv")
    _copy(folder, into, (UV_LOCK, PYPROJECT, "uv.toml"))
    options = ["export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate"]
    text = _run([*uv, *options, "--python", sys.executable], into, (), machine)
    return read_pins(text, machine.python, UV_LOCK)


def _installer(machine: Machine) -> list[str]:
    """Return how wheels are installed for a machine, without their dependencies."""
    options = ["--require-hashes", "--no-deps"]
    if uv := _uv():
        there = ["--python-platform", machine.uv_platform, "--python-version", machine.python]
        of_uv = ["--only-binary", ":all:", "--link-mode", "copy", "--python", sys.executable]
        return [*uv, "pip", "install", *options, *of_uv, *([] if machine.here else there)]
    if importlib.util.find_spec("pip") is None:
        raise NoSource("has packages to install, and neither uv nor pip is here: pip install uv")
    there = ["--implementation", "cp", "--python-version", machine.python]
    there += [f"--platform={platform}" for platform in machine.platforms]
    of_pip = ["--only-binary=:all:", "--no-compile", "--no-warn-conflicts", "--quiet"]
    return [sys.executable, "-m", "pip", "install", *options, *of_pip, *([] if machine.here else there)]


def _uv() -> list[str] | None:
    if path := shutil.which("uv"):
        return [path]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else None


def _ships_python(root: Path) -> Ships:
    def ships(folder: Path, name: str) -> bool:
        if name == "__pycache__" or name.endswith(".pyc") or (name == "bin" and folder == root):
            return False
        of_installer = folder == root or folder.name.endswith(".dist-info")
        return not (of_installer and name in _OF_INSTALLERS)

    return ships


def _check_tags(installed: Sequence[Distribution], machine: Machine) -> None:
    """Raise NoSource for a package that was built for something else: an index may hold anything under a name."""
    if machine.here:
        return
    runs = frozenset(machine.tags())
    for package in installed:
        lines = (package.read_text("WHEEL") or "").splitlines()
        tags = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
        if not any(parse_tag(tag) & runs for tag in tags):
            what = f"was given {package.metadata['Name']} {package.version} for {', '.join(tags) or 'nothing known'}"
            raise NoSource(f"{what}, which does not run as {machine.name}")


def _install_node(folder: Path, machine: Machine, into: Path) -> Installed:
    npm = shutil.which("npm")
    if npm is None:
        raise NoSource(f"has {NPM_LOCK}, and npm is not here: install Node.js")
    _copy(folder, into, (NPM_LOCK, PACKAGE, ".npmrc", *_archives(folder)))
    options = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    _run([npm, *options, *(() if machine.here else machine.node_platform)], into, (), machine)
    # A package that is optional may be for another machine alone.
    scripts = [name for name, package in packages_of(folder) if package.get("hasInstallScript")]
    notes = [f"the install scripts of {', '.join(sorted(set(scripts)))} were not run"] if scripts else []
    if not (into / "node_modules").is_dir():
        return Installed(notes=tuple(notes))
    modules = files_below(into / "node_modules", ships=_ships_node)
    return Installed(tuple((f"node_modules/{name}", path) for name, path in modules), tuple(notes))


def _archives(folder: Path) -> Iterator[str]:
    """Yield the packages that lie in the folder as archives."""
    for _, package in packages_of(folder):
        kind, _, path = str(package.get("resolved", "")).partition(":")
        if kind == "file" and (folder / path).resolve().is_relative_to(folder.resolve()):
            yield path


def _copy(folder: Path, into: Path, names: Iterable[str]) -> None:
    for name in names:
        if (folder / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, into / name)


def _ships_node(folder: Path, name: str) -> bool:
    return not (folder.name == "node_modules" and name in (".bin", ".package-lock.json"))


def _run(command: Sequence[str], folder: Path, pins: Sequence[Pin], machine: Machine) -> str:
    """Return what a command prints. Raises NoSource with what it complained about."""
    environment = {name: value for name, value in os.environ.items() if name not in (*_NOT_OURS, *_NOT_OURS_OF_UV)}
    try:
        ended = subprocess.run(  # noqa: S603 - a list, of which nothing comes from elsewhere than the project's files
            command,
            cwd=folder,
            env={**environment, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise NoSource(f"wants {command[0]}, which cannot be run: {error.strerror}") from error
    if ended.returncode:
        raise NoSource(_complaint(ended.stderr or ended.stdout, pins, machine))
    return ended.stdout


def _complaint(text: str, pins: Sequence[Pin], machine: Machine) -> str:
    for pattern in _MISSING:
        if match := pattern.search(" ".join(text.split())):
            name = match["name"].rstrip(".,")
            return (
                f"has {name}, of which there is no wheel for {machine.name}: pin a version that has one, or build the "
                "wheel yourself and pack the folder that it unpacks to"
            )
    lines = [line for line in text.splitlines() if line.removeprefix("npm error").strip()]
    # npm ends with how it is used.
    excerpt = lines[:_LINES] if text.startswith("npm") else lines[-_LINES:]
    what = ", ".join(pin.name for pin in pins) or "its packages"
    return f"cannot have {what} installed for {machine.name}:\n    " + "\n    ".join(excerpt)
