"""The assembly's folder: read with every hash checked, written so that a crash leaves the old or the new one."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from builder.assembly.assets import ASSETS_FILE, Asset, read_assets, write_assets
from builder.assembly.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from builder.errors import BadInput, of_file
from builder.template import text_of
from builder.terms import Site

FLEET_FOLDER = "fleet"
"""The folder of a fleet's assembly within the system's."""
EXECUTION_ROLE = "execution-role.yaml"
"""A template beside a fleet's own: for each account, deployed by other means than ours."""
_RESERVED = frozenset(
    {FILE_NAME, ASSETS_FILE, *(f"{FLEET_FOLDER}/{name}" for name in (FILE_NAME, ASSETS_FILE, EXECUTION_ROLE))}
)
"""Files that a rendering writes and no manifest lists."""


def fleet_project(project: str) -> str:
    """Return the name of a fleet's project, from the system's: its deployment is another one."""
    return f"{project}-{FLEET_FOLDER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The resources of `cdk bootstrap` in a region of an account, which a CDK app expects to exist."""

    site: Site
    parameter: str
    """The SSM parameter whose value is the deployed version."""
    version: int
    """The lowest version that is enough."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A manifest and the bytes of every template it names, by path within the folder."""

    manifest: Manifest
    templates: Mapping[str, bytes]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """Other files in its folder, by path: rendered with it, but not deployed with this assembly."""
    assets: tuple[Asset, ...] = ()
    """What its templates take from a bucket."""
    bootstraps: tuple[Bootstrap, ...] = ()
    """What has to exist before anything of it is planned."""


def read_assembly(folder: Path) -> Assembly:
    """Return the assembly in a folder, without the files beside it.

    Raises BadInput if it is missing, broken, or if a template's hash is not the manifest's.
    """
    manifest = read_manifest(read_file(folder, FILE_NAME), where=str(folder / FILE_NAME))
    templates = {}
    for entry in manifest.stacks:
        templates[entry.template] = data = read_file(folder, entry.template)
        text_of(data, str(folder / entry.template))
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BadInput(
                where=str(folder / entry.template),
                what="is not the file that the manifest was written with",
                next_step="python -m builder render",
            )
    assets = folder / ASSETS_FILE
    listed = read_assets(read_file(folder, ASSETS_FILE), str(assets)) if assets.exists() else ()
    return Assembly(manifest=manifest, templates=templates, assets=listed)


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """The changes that make a folder hold an assembly; paths are relative to it.

    Files not from `render` stay unchanged.
    """

    written: tuple[str, ...]
    """Missing or different files."""
    removed: tuple[str, ...] = ()
    """Files of an earlier rendering that the assembly no longer has."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted((*self.written, *self.removed)))


def write_assembly(folder: Path, assembly: Assembly) -> FolderChanges:
    """Make the folder hold this assembly, and keep its files that no rendering wrote; return what changed.

    The new tree is written beside the folder and then renamed into its place.
    Raises BadInput, and changes nothing, where it would overwrite a file that no rendering wrote, and where the folder
    can't be written; Failed where the disk is full.
    """
    contents, changes = _compare(folder, assembly)
    if not changes.paths:
        return changes
    _check_own(contents, changes)
    try:
        _write(folder, assembly, kept=contents.files.keys() - set(changes.removed))
    except OSError as error:
        raise of_file(error, folder, doing="written") from error
    return changes


def _write(folder: Path, assembly: Assembly, kept: set[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        files = files_of(assembly)
        for path, data in files.items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(data)
        for path in kept - files.keys():
            _keep(folder / path, fresh / path)
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def find_changes(folder: Path, assembly: Assembly) -> FolderChanges:
    """Return what `write_assembly` would change. Raises BadInput where the folder cannot be read, or is none."""
    return _compare(folder, assembly)[1]


@dataclass(frozen=True, slots=True)
class _FolderContents:
    """The files in a folder."""

    folder: Path
    files: Mapping[str, Path]
    """Every file and link below it by its path; links are not followed."""
    before: Mapping[str, str | None]
    """The files of the last rendering: each path with its SHA-256 if a manifest has one."""


def _compare(folder: Path, assembly: Assembly) -> tuple[_FolderContents, FolderChanges]:
    """Return the folder's files, which are listed once, and the changes to make it hold the assembly."""
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        contents = _FolderContents(folder, _tree(folder), _written_before(folder))
        return contents, _changes(contents, assembly)
    except OSError as error:
        raise of_file(error, error.filename or folder, doing="read") from error


def _changes(contents: _FolderContents, assembly: Assembly) -> FolderChanges:
    desired, present, before = files_of(assembly), contents.files, contents.before
    return FolderChanges(
        written=tuple(
            path
            for path in sorted(desired)
            if path not in present or present[path].is_symlink() or present[path].read_bytes() != desired[path]
        ),
        # A file that changed since the rendering is somebody's work.
        removed=tuple(
            path
            for path in sorted(before.keys() & present.keys() - desired.keys())
            if before[path] in {None, hashlib.sha256(present[path].read_bytes()).hexdigest()}
        ),
    )


def _check_own(contents: _FolderContents, changes: FolderChanges) -> None:
    if (contents.folder / FILE_NAME).exists() and not contents.before.keys() - _RESERVED:
        return  # the manifest cannot be read, after a merge perhaps: only the fact of a rendering is known
    if foreign := [path for path in changes.written if path in contents.files and path not in contents.before]:
        raise BadInput(
            where=str(contents.folder),
            what=f"{', '.join(foreign)} was not written by render, and is not overwritten",
            next_step="move it away, then: python -m builder render",
        )


def _written_before(folder: Path) -> dict[str, str | None]:
    written: dict[str, str | None] = {}
    for place in ("", f"{FLEET_FOLDER}/"):
        manifest = folder / place / FILE_NAME
        if not manifest.is_file():
            continue
        written |= {path: None for path in _RESERVED if path.startswith(place)}
        with suppress(ValueError, OSError, TypeError, KeyError, RecursionError):
            entries = json.loads(manifest.read_bytes())["stacks"]
            written |= {f"{place}{entry['template']}": str(entry["sha256"]) for entry in entries}
    return written


def _tree(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _keep(old: Path, new: Path) -> None:
    """Put the file or link at `old` at `new` too; as the same file where the file system can."""
    new.parent.mkdir(parents=True, exist_ok=True)
    if old.is_symlink():
        new.symlink_to(old.readlink())
        return
    try:
        new.hardlink_to(old)
    except OSError:
        shutil.copy2(old, new)


def files_of(assembly: Assembly) -> dict[str, bytes]:
    """Return all files of its folder, by path."""
    assets = {ASSETS_FILE: write_assets(assembly.assets)} if assembly.assets else {}
    return {FILE_NAME: write_manifest(assembly.manifest), **assembly.templates, **assets, **assembly.beside}


def _replace(folder: Path, fresh: Path) -> None:
    """Put `fresh` where `folder` is; the old folder is moved to a temporary name and removed."""
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


def read_file(folder: Path, path: str, *, next_step: str = "python -m builder render") -> bytes:
    """Return a file of an assembly. Raises BadInput with the command that makes it."""
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise of_file(error, folder / path, doing="read", next_step=next_step) from error


REQUEST_BYTES = 51_200
"""The most bytes of a template that is sent in a request, or embedded in a StackSet."""
OBJECT_BYTES = 1_048_576
"""The most bytes of a template that CloudFormation reads from a bucket."""


def check_body(path: str, body: bytes) -> None:
    """Raise BadInput for a template too large to be embedded in a StackSet."""
    if len(body) > REQUEST_BYTES:
        raise BadInput(
            where=path,
            what=f"has {len(body):,} bytes, and a StackSet holds a template of {REQUEST_BYTES:,} at most",
            next_step="make the function's code smaller: it is most of a template",
        )


def check_fleet(path: str, template: bytes) -> None:
    """Raise BadInput for a template of StackSets that is too large for CloudFormation."""
    if len(template) > OBJECT_BYTES:
        raise BadInput(
            where=f"fleet/{path}",
            what=f"has {len(template):,} bytes, and CloudFormation takes {OBJECT_BYTES:,} at most",
            next_step="fewer regions, or less code in the function: each region's templates are in it",
        )


def size_notes(files: Mapping[str, bytes], region: str) -> tuple[str, ...]:
    """Return a line for each file that CloudFormation takes only from a bucket in the region.

    Empty if the fleet has a bucket for code: the file goes there too.
    """
    if f"{FLEET_FOLDER}/{ASSETS_FILE}" in files:
        return ()
    return tuple(
        f"{path} has {len(data):,} bytes, and a request takes {REQUEST_BYTES:,}: "
        f"plan it with --artifacts-bucket, a bucket in {region}"
        for path, data in files.items()
        if len(data) > REQUEST_BYTES
    )
