"""Which recipe makes the archive of a function's folder, by its lock file; and which files of the folder are packed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.errors import of_file
from builder.packing.source import COPY, REQUIREMENTS, NoSource, Ships, ships_as_is

FILES, PIP, UV, NPM = "files 1", "pip 1", "uv 1", "npm 1"
"""A function's own files; with the packages of requirements.txt, of uv.lock, of package-lock.json. Each with its
version, which is another one when it makes other bytes of the same files."""
RECIPES = frozenset({COPY, FILES, PIP, UV, NPM})
WITH_PACKAGES = frozenset({PIP, UV, NPM})
UV_LOCK, PYPROJECT = "uv.lock", "pyproject.toml"
NPM_LOCK, PACKAGE = "package-lock.json", "package.json"
LOCK = {PIP: REQUIREMENTS, UV: UV_LOCK, NPM: NPM_LOCK}
_NODE_MODULES = "node_modules"
_OTHER_LOCKS = {
    "python": {
        "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
        "poetry.lock": "poetry export -o requirements.txt",
        "pdm.lock": "pdm export -o requirements.txt",
        "requirements.in": "uv pip compile --universal --generate-hashes requirements.in -o requirements.txt",
        "Pipfile": "pipenv lock && pipenv requirements --hash > requirements.txt",
    },
    "nodejs": {
        "npm-shrinkwrap.json": "mv npm-shrinkwrap.json package-lock.json",
        "yarn.lock": "npm install --package-lock-only",
        "pnpm-lock.yaml": "npm install --package-lock-only",
        "bun.lock": "npm install --package-lock-only",
    },
}
"""Files that ask for packages and are not read here, with what makes one of them that is."""


def choose_recipe(folder: Path, runtime: str) -> str:
    """Return the recipe of a function's folder. Raises NoSource for a lock file that nothing could be built from."""
    python = runtime.startswith("python")
    locks = [lock for lock in ((REQUIREMENTS, UV_LOCK) if python else (NPM_LOCK,)) if (folder / lock).is_file()]
    if len(locks) > 1:
        raise NoSource(f"has both {' and '.join(locks)}, and only one can say what is installed: keep that one")
    if REQUIREMENTS in locks:
        # Only who has packages pays for the reader of what they are called.
        from builder.packing.requirements import read_pins  # noqa: PLC0415

        return PIP if read_pins(_text(folder / REQUIREMENTS), runtime.removeprefix("python")).pins else FILES
    if UV_LOCK in locks:
        if not (folder / PYPROJECT).is_file():
            raise NoSource(f"has {UV_LOCK} and no {PYPROJECT}, which says of what it is the lock")
        return UV
    if NPM_LOCK in locks:
        _check_npm(folder)
        return NPM
    _check_unlocked(folder, "python" if python else "nodejs")
    return FILES


def ships_of(recipe: str, root: Path) -> Ships:
    """Return what of a folder a recipe packs.

    Of a function's folder nothing that begins with a dot: .env and .npmrc hold secrets, .git and .venv are no code, and
    none of them is in a clone. What npm installs is installed anew.
    """
    if recipe not in RECIPES - {COPY}:
        return ships_as_is

    def ships(folder: Path, name: str) -> bool:
        if name.startswith(".") or name.endswith(".pyc") or not ships_as_is(folder, name):
            return False
        if recipe == NPM and name == _NODE_MODULES and folder == root:
            return False
        return not (folder / name / "pyvenv.cfg").is_file()

    return ships


def _check_unlocked(folder: Path, family: str) -> None:
    """Raise NoSource where something asks for packages and no lock file says which."""
    for name, command in _OTHER_LOCKS[family].items():
        if (folder / name).is_file():
            raise NoSource(f"has {name}, which is not read here: {command}")
    if family == "python" and (folder / PYPROJECT).is_file():
        import tomllib  # noqa: PLC0415 - only uv has such a file

        try:
            project = tomllib.loads(_text(folder / PYPROJECT))
        except tomllib.TOMLDecodeError as error:
            raise NoSource(f"has a {PYPROJECT} that is no TOML: {error}") from error
        if project.get("project", {}).get("dependencies"):
            raise NoSource(f"has dependencies in {PYPROJECT} and no {UV_LOCK} that pins them: uv lock")
    if family == "nodejs" and (folder / PACKAGE).is_file() and _json(folder / PACKAGE).get("dependencies"):
        command = "npm install --package-lock-only"
        raise NoSource(f"has dependencies in {PACKAGE} and no {NPM_LOCK} that pins them: {command}")


def _check_npm(folder: Path) -> None:
    """Raise NoSource for a package-lock.json that does not say every package's bytes."""
    if not (folder / PACKAGE).is_file():
        raise NoSource(f"has {NPM_LOCK} and no {PACKAGE}, which says of what it is the lock")
    for name, package in packages_of(folder):
        if package.get("link"):
            raise NoSource(f"has {name} in {NPM_LOCK} as a link to {package.get('resolved')}: only packages are built")
        if not package.get("integrity") and not package.get("inBundle"):
            raise NoSource(
                f"has {name} without integrity in {NPM_LOCK}: "
                f"rm -rf node_modules {NPM_LOCK} && npm install --package-lock-only"
            )


def packages_of(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each package that package-lock.json has for production, by its name. Raises NoSource for an old lock file.

    Source: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json
    """
    packages = _json(folder / NPM_LOCK).get("packages")
    if not isinstance(packages, dict):
        raise NoSource(
            f"has a {NPM_LOCK} of an old version, which does not say what is installed: "
            "npm install --package-lock-only --lockfile-version 3"
        )
    for path, package in packages.items():
        if path and isinstance(package, dict) and not package.get("dev"):
            yield path.rpartition("node_modules/")[2], package


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except ValueError as error:
        raise NoSource(f"has a {path.name} that is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise NoSource(f"has a {path.name} that is no JSON object")
    return data


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise of_file(error, path, doing="read") from error
    except UnicodeDecodeError as error:
        raise NoSource(f"has a {path.name} that is no UTF-8") from error
