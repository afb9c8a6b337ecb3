"""The assembly's folder: read with every hash checked, written so that a crash leaves the old or the new one."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.assembly.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from builder.errors import BadInput

FLEET_FOLDER = "fleet"
"""Where an assembly's folder has that of its fleet."""
EXECUTION_ROLE = "execution-role.yaml"
"""Beside a fleet's own templates: for each account, by other means than ours."""


def fleet_project(project: str) -> str:
    """Return what the project of a fleet is called, for the system's: its deployment is another one."""
    return f"{project}-{FLEET_FOLDER}"


@dataclass(frozen=True, slots=True)
class Assembly:
    """A manifest and the bytes of every template it names, by path within the folder."""

    manifest: Manifest
    templates: Mapping[str, bytes]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """What else is in its folder, by path: rendered with it, deployed by nobody who is given this assembly."""


def read_assembly(folder: Path) -> Assembly:
    """Return the assembly in a folder, without what is beside it.

    Raises BadInput if it is missing, broken, or if a template is not the one the manifest was made with.
    """
    manifest = read_manifest(read_file(folder, FILE_NAME), where=str(folder / FILE_NAME))
    templates = {}
    for entry in manifest.stacks:
        templates[entry.template] = data = read_file(folder, entry.template)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BadInput(
                where=str(folder / entry.template),
                what="is not the file that the manifest was written with",
                next_step="python -m builder render",
            )
    return Assembly(manifest=manifest, templates=templates)


def write_assembly(folder: Path, assembly: Assembly) -> tuple[str, ...]:
    """Make the folder hold this assembly and nothing else; return the paths that changed, relative to it.

    The new tree is written beside the folder and then renamed into its place.
    """
    changed = stale_files(folder, assembly)
    if not changed:
        return ()
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for path, data in files_of(assembly).items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(data)
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return changed


def stale_files(folder: Path, assembly: Assembly) -> tuple[str, ...]:
    """Return the paths, relative to the folder, that are missing, different, or not the assembly's."""
    wanted = files_of(assembly)
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return tuple(
        path
        for path in sorted(wanted.keys() | found.keys())
        if path not in wanted or path not in found or found[path].read_bytes() != wanted[path]
    )


def files_of(assembly: Assembly) -> dict[str, bytes]:
    """Return everything that its folder holds, by path."""
    return {FILE_NAME: write_manifest(assembly.manifest), **assembly.templates, **assembly.beside}


def _replace(folder: Path, fresh: Path) -> None:
    """Put `fresh` where `folder` is; what stood there ends up inside the temporary name and is removed."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.replace(old)
    try:
        fresh.replace(folder)
    except OSError:
        old.replace(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def read_file(folder: Path, path: str) -> bytes:
    """Return a file of an assembly. Raises BadInput, saying how to make it."""
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise BadInput(
            where=str(folder / path),
            what=f"cannot be read ({error.strerror})",
            next_step="python -m builder render",
        ) from error
