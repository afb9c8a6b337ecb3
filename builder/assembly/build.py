"""The bytes of assets: made in a folder of their own, each once, and held to what their names say of them."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.assembly.assets import Asset
from builder.assembly.package import package
from builder.assembly.source import NoSource, asset_id, read_archive, sha256_of, write_archive
from builder.errors import BadInput, of_file

BUILD_FOLDER = "build"
"""Beside an assembly's folder."""


@dataclass(frozen=True, slots=True)
class Built:
    """An asset whose bytes are at hand."""

    asset: Asset
    path: Path
    sha256: str
    """Of its bytes."""
    fresh: bool = False
    """They were made just now."""
    text: str = ""
    """Of a template what it says."""


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """An asset whose bytes cannot be made here; they may be in the bucket already."""

    asset: Asset
    why: str


def build(assets: Iterable[Asset], root: Path, folder: Path) -> tuple[Built | NotBuilt, ...]:
    """Return each asset with its bytes in the folder, made of the files below `root` where they are not there yet.

    What is in the folder is not believed: an asset is what its id says. Raises BadInput where the folder cannot be
    written to, and Failed where there is no room for it.
    """
    return tuple(_build(asset, root, folder) for asset in assets)


def _build(asset: Asset, root: Path, folder: Path) -> Built | NotBuilt:
    path = folder / asset.key
    try:
        if path.is_file() and (digest := _digest(asset, path)):
            return _built(asset, path, digest, fresh=False)
        return _make(asset, root, path)
    except NoSource as fault:
        return NotBuilt(asset, f"{asset.source} {fault}")
    except OSError as error:
        raise of_file(error, path, doing="written") from error


def _make(asset: Asset, root: Path, path: Path) -> Built:
    """Make an asset's bytes, whole or not at all. Raises NoSource where its files are not what it was rendered from."""
    source = root / asset.source
    if not source.exists():
        raise NoSource("is not there")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{asset.id[:12]}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as fresh:
            if asset.kind == "template" and asset.bucket is None:
                fresh.write(_template(asset, root, source))
            elif asset.kind == "zip":
                write_archive(source, fresh, follow=asset.bucket is not None)
            else:
                fresh.write(source.read_bytes())
        digest = _digest(asset, Path(name))
        if digest is None:
            raise NoSource("is not what the assembly was rendered from")
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    return _built(asset, path, digest, fresh=True)


def _built(asset: Asset, path: Path, digest: str, *, fresh: bool) -> Built:
    text = path.read_text(encoding="utf-8") if asset.kind == "template" else ""
    return Built(asset, path, digest, fresh, text)


def _template(asset: Asset, root: Path, source: Path) -> bytes:
    try:
        return package(source.read_bytes(), Path(asset.source), root, asset.regions[0]).data
    except BadInput as error:
        raise NoSource(f"cannot be packaged: {error.what}") from error


def _digest(asset: Asset, path: Path) -> str | None:
    """Return the SHA-256 of a file that holds the asset's bytes; None for one that holds anything else."""
    digest = sha256_of(path)
    if asset.kind != "zip":
        return digest if digest == asset.id else None
    try:
        with path.open("rb") as archive:
            files = read_archive(archive)
    except NoSource:
        return None
    return digest if asset_id(files, asset.made) == asset.id else None
