"""The archive of a function's folder: made of its files and its packages, and told from any other one.

The id of an archive is that of the folder's files, so packages are not in it: the same lock file leads to the same
packages. What holds an archive to that is its comment, which says how many of its files are the folder's and what all
of them are together. So an archive says alone whose it is, and whether it is whole. It cannot say that its packages are
those of the lock file: the hashes in the lock file did, when it was made; from there on plan.json has the SHA-256 of
its bytes, and what is made again is the same bytes.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from builder.packing.imports import check_imports
from builder.packing.machine import Machine
from builder.packing.recipe import LOCK, WITH_PACKAGES, ships_of
from builder.packing.source import (
    NoSource,
    Recipe,
    SourceFile,
    asset_id,
    check_size,
    files_below,
    read_commented,
    write_files,
)


def write_function(
    folder: Path, recipe: Recipe, to: IO[bytes], *, entries: Sequence[str] = (), here: bool = False
) -> tuple[str, ...]:
    """Write the archive of a function's folder; return what a person should know of it.

    With `here` packages are those of this machine and its Python.
    Raises NoSource for what cannot be installed, for a file that is both the folder's and a package's, for what an
    entry imports and nothing brings, and for more than Lambda takes.
    """
    machine = Machine(recipe.runtime, recipe.architecture, here)
    own = files_below(folder, ships=ships_of(recipe.name, folder))
    with tempfile.TemporaryDirectory(prefix="builder-code-") as work:
        if recipe.name in WITH_PACKAGES:
            # Only who has packages pays for this import.
            from builder.packing.install import install  # noqa: PLC0415

            installed = install(recipe.name, folder, machine, Path(work))
            packages, notes = installed.files, installed.notes
        else:
            packages, notes = (), ()
        _check_apart(own, packages, LOCK.get(recipe.name, ""))
        _check_fits(own, packages)
        check_imports(dict(own), [name for name, _ in packages], entries, recipe.runtime)
        write_files((*own, *packages), to, lambda files: _comment(files, len(own), recipe, machine))
    return notes


def identify(archive: IO[bytes], recipe: Recipe, *, here: bool = False) -> str | None:
    """Return the id of an archive that was made by a recipe; None for one that says nothing of itself, or another.

    Raises NoSource for what is no archive.
    """
    files, comment = read_commented(archive)
    own = _own(comment)
    machine = Machine(recipe.runtime, recipe.architecture, here)
    if own is None or comment != _comment(files, own, recipe, machine):
        return None
    return asset_id(files[:own], recipe)


def _comment(files: Sequence[SourceFile], own: int, recipe: Recipe, machine: Machine) -> bytes:
    listing = json.dumps([[file.name, file.mode, file.sha256] for file in files], separators=(",", ":"))
    claim = {
        "recipe": recipe.name,
        "for": machine.name,
        "own_files": own,
        "sha256": hashlib.sha256(listing.encode()).hexdigest(),
    }
    return json.dumps(claim).encode()


def _own(comment: bytes) -> int | None:
    try:
        claim = json.loads(comment)
    except ValueError:
        return None
    own = claim.get("own_files") if isinstance(claim, dict) else None
    return own if isinstance(own, int) and own >= 0 else None


def _check_apart(own: Sequence[tuple[str, Path]], packages: Sequence[tuple[str, Path]], lock: str) -> None:
    both = {name for name, _ in own} & {name for name, _ in packages}
    if both:
        raise NoSource(f"has {min(both)}, which a package of {lock} brings too: rename yours")


def _check_fits(own: Sequence[tuple[str, Path]], packages: Sequence[tuple[str, Path]]) -> None:
    """Raise NoSource for more than Lambda takes, with what takes the most."""
    sizes: Counter[str] = Counter()
    for name, path in (*own, *packages):
        sizes[_part(name)] += path.stat().st_size
    largest = ", ".join(f"{name} has {size:,}" for name, size in sizes.most_common(3))
    check_size(sizes.total(), largest)


def _part(name: str) -> str:
    """Return the package or folder that a file is counted to."""
    parts = name.split("/")
    scoped = parts[0] == "node_modules" and len(parts) > 2 and parts[1].startswith("@")
    return "/".join(parts[: 3 if scoped else 2 if parts[0] == "node_modules" else 1])
