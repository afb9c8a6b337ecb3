"""The bytes of assets: made once each, in a folder of their own, and checked against the assets' ids."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from builder.assembly.assets import Asset
from builder.assembly.package import package
from builder.errors import BadInput, of_file
from builder.packing.archive import identify, write_function
from builder.packing.machine import Machine, is_here
from builder.packing.recipe import WITH_PACKAGES, ships_of
from builder.packing.source import COPY, NoSource, asset_id, read_archive, read_source, sha256_of, write_archive

BUILD_FOLDER = "build"
"""The build folder, next to an assembly's folder."""
HERE_FOLDER = "here"
"""The folder within it for assets with packages for this machine, under the same names."""
_STALE = "is not what the assembly was rendered from"


@dataclass(frozen=True, slots=True)
class Built:
    """An asset whose bytes are in the build folder."""

    asset: Asset
    path: Path
    sha256: str
    """The hash of its bytes."""
    fresh: bool = False
    """Whether this run made them."""
    text: str = ""
    """A template's text."""
    notes: tuple[str, ...] = ()
    """Remarks for a person on how it was made."""
    here: bool = False
    """Whether they are for this machine and its Python, and not for Lambda."""


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """An asset whose bytes cannot be made here; they may be in the bucket already."""

    asset: Asset
    why: str


def build(assets: Iterable[Asset], root: Path, folder: Path, *, here: bool = False) -> tuple[Built | NotBuilt, ...]:
    """Return each asset with its bytes in the folder, made from the files below `root` where they are missing.

    With `here`, assets with packages are made for this machine, if it differs from Lambda's: functions that run in its
    own Python cannot load others. The folder's files are not trusted: they are compared with the assets' ids. Raises
    BadInput where the folder cannot be written to, and Failed where the disk is full.
    """
    return tuple(_build(asset, root, folder, here=here and differs_here(asset)) for asset in assets)


def differs_here(asset: Asset) -> bool:
    """Return whether an asset has packages that differ for this machine."""
    return asset.recipe in WITH_PACKAGES and not is_here(Machine(asset.runtime, asset.architecture))


def _build(asset: Asset, root: Path, folder: Path, *, here: bool) -> Built | NotBuilt:
    path = (folder / HERE_FOLDER if here else folder) / asset.key
    try:
        if path.is_file() and (digest := _digest(asset, path, here=here)):
            return _built(asset, path, digest, here=here)
        return _make(asset, root, path, here=here)
    except NoSource as fault:
        return NotBuilt(asset, f"{asset.source} {fault}")
    except OSError as error:
        raise of_file(error, path, doing="written") from error


def _make(asset: Asset, root: Path, path: Path, *, here: bool) -> Built:
    """Make an asset's bytes, completely or not at all.

    Raises NoSource where its files have changed since the rendering.
    """
    source = root / asset.source
    if not source.exists():
        raise NoSource("is not there")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{asset.id[:12]}-", dir=path.parent)
    notes: tuple[str, ...] = ()
    try:
        with os.fdopen(handle, "w+b") as fresh:
            if asset.kind == "template" and asset.bucket is None:
                fresh.write(_template(asset, root, source))
            elif asset.kind == "zip" and asset.recipe != COPY:
                notes = _write_function(asset, source, fresh, here=here)
            elif asset.kind == "zip":
                write_archive(source, fresh, follow=asset.bucket is not None)
            else:
                fresh.write(source.read_bytes())
        digest = _digest(asset, Path(name), here=here)
        if digest is None:
            raise NoSource(_STALE)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    return replace(_built(asset, path, digest, here=here), fresh=True, notes=notes)


def _write_function(asset: Asset, source: Path, to: IO[bytes], *, here: bool) -> tuple[str, ...]:
    # Checked before anything is installed, which takes its time.
    if asset_id(read_source(source, ships=ships_of(asset.recipe, source)), asset.made) != asset.id:
        raise NoSource(_STALE)
    return write_function(source, asset.made, to, entries=asset.entries or (), here=here)


def _built(asset: Asset, path: Path, digest: str, *, here: bool) -> Built:
    text = path.read_text(encoding="utf-8") if asset.kind == "template" else ""
    return Built(asset, path, digest, text=text, here=here)


def _template(asset: Asset, root: Path, source: Path) -> bytes:
    try:
        return package(source.read_bytes(), Path(asset.source), root, asset.regions[0]).data
    except BadInput as error:
        raise NoSource(f"cannot be packaged: {error.what}") from error


def _digest(asset: Asset, path: Path, *, here: bool) -> str | None:
    """Return the SHA-256 of a file with the asset's bytes; None for a file with any others."""
    digest = sha256_of(path)
    if asset.kind != "zip":
        return digest if digest == asset.id else None
    try:
        with path.open("rb") as archive:
            is_copy = asset.recipe == COPY
            identity = (
                asset_id(read_archive(archive), asset.made) if is_copy else identify(archive, asset.made, here=here)
            )
    except NoSource:
        return None
    return digest if identity == asset.id else None
