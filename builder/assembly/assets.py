"""The assets of an assembly: code and templates that stacks take from a bucket, as `assets.json` lists them; pure.

An asset's name follows from its content, so its object in a bucket never changes, and nobody has to make or fetch it
to know its name. `package` finds the assets of a template, `build` makes their bytes.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import StringConstraints, TypeAdapter, ValidationError

from builder.assembly.components import STRICT
from builder.errors import BadInput
from builder.packing.read import Packed
from builder.packing.recipe import RECIPES
from builder.packing.source import COPY, Recipe
from builder.terms import Region

ASSETS_FILE = "assets.json"
VERSION = 1
BUCKET_PARAMETER = "ArtifactsBucket"
"""The template parameter whose value is the name of the region's bucket."""
ACCOUNT = "${AWS::AccountId}"
"""The placeholder of the account in a parameter's value and in the bucket's name: only AWS knows the account."""
REGION = "{region}"
"""The placeholder of the region in the name of a bucket for artifacts."""

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.(zip|yaml)$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Code or a template that stacks of an assembly take from a bucket."""

    __pydantic_config__ = STRICT
    id: _Sha256
    """For a template the SHA-256 of its bytes; for code that of its files and its recipe."""
    kind: Literal["zip", "file", "template"]
    """Code made from a folder or a file, an existing archive, or a template."""
    source: str
    """Its path, relative to dr.yaml's folder."""
    key: _Key
    """The object's key in the bucket, under which nothing else is ever put."""
    regions: tuple[Region, ...]
    needs: tuple[_Sha256, ...] = ()
    """The assets that a template itself takes."""
    recipe: str = COPY
    runtime: str = ""
    architecture: str = ""
    entries: tuple[str, ...] | None = None
    """The files that are called in a function's folder; their imports are checked once packages are there."""
    bucket: str | None = None
    """Its bucket, with placeholders for account and region; None for the bucket in its stacks' parameters."""
    in_sets: Literal[True] | None = None
    """The regions in which stacks of StackSets take it from the assembly's bucket there; None for stacks of the
    assembly itself."""

    @property
    def made(self) -> Recipe:
        """How it is made from its files."""
        return Recipe(self.recipe, self.runtime, self.architecture)


def asset_of(code: Packed, regions: Iterable[Region]) -> Asset:
    """Return the asset of a function's folder, for the function's regions."""
    return Asset(
        id=code.id,
        kind="zip",
        source=code.source,
        key=key_of(code),
        regions=tuple(sorted(regions)),
        recipe=code.recipe.name,
        runtime=code.recipe.runtime,
        architecture=code.recipe.architecture,
        entries=(code.entry,),
    )


def key_of(code: Packed) -> str:
    """Return the key of a function's code in its bucket."""
    return f"{code.id}.zip"


def merged(assets: Iterable[Asset]) -> tuple[Asset, ...]:
    """Return each asset once, sorted by source and key, with all its regions."""
    by_id: dict[str, Asset] = {}
    for asset in assets:
        known = by_id.get(asset.id)
        regions = (*(known.regions if known else ()), *asset.regions)
        entries = {*((known.entries if known else None) or ()), *(asset.entries or ())}
        by_id[asset.id] = replace(
            known or asset, regions=tuple(sorted(set(regions))), entries=tuple(sorted(entries)) or None
        )
    return tuple(sorted(by_id.values(), key=lambda asset: (asset.source, asset.key)))


def taken_by(template: bytes, assets: Collection[Asset]) -> tuple[Asset, ...]:
    """Return the assets that a template takes, and those that the templates among them take."""
    taken: set[Asset] = set()
    waiting = [asset for asset in assets if asset.key.encode() in template]
    while waiting:
        asset = waiting.pop()
        if asset not in taken:
            taken.add(asset)
            waiting += [other for other in assets if other.id in asset.needs]
    return tuple(asset for asset in assets if asset in taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    __pydantic_config__ = STRICT
    version: int
    assets: tuple[Asset, ...]


def write_assets(assets: Iterable[Asset]) -> bytes:
    """Return the bytes of assets.json: the same for the same assets."""
    listed = _Listed(version=VERSION, assets=merged(assets))
    return _adapter().dump_json(listed, indent=2, exclude_none=True) + b"\n"


def read_assets(data: bytes, where: str) -> tuple[Asset, ...]:
    """Return the assets in an assets.json. Raises BadInput; `where` is the file's name."""
    try:
        listed = _adapter().validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(where=where, what=f"{place}: {first['msg']}", next_step="python -m builder render") from error
    if listed.version != VERSION:
        raise BadInput(where=where, what=f"version: {listed.version} is not {VERSION}, which this builder reads")
    for number, asset in enumerate(listed.assets):
        fault = _fault(asset, {other.id for other in listed.assets})
        if fault:
            raise BadInput(where=where, what=f"assets.{number}.{fault}", next_step="python -m builder render")
    return listed.assets


def make_schema() -> bytes:
    """Return the JSON Schema of assets.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema()}
    return json.dumps(schema, indent=2).encode() + b"\n"


def _fault(asset: Asset, ids: Collection[str]) -> str:
    parts = PurePosixPath(asset.source).parts
    if not parts or asset.source.startswith("/") or ".." in parts or "\\" in asset.source or ":" in parts[0]:
        return f"source: {asset.source!r} is no path within dr.yaml's folder"
    if asset.key != asset.id + (".yaml" if asset.kind == "template" else ".zip"):
        return "key: is not that of its id"
    if asset.recipe not in RECIPES:
        return f"recipe: {asset.recipe!r} is none that this builder knows"
    if missing := [need for need in asset.needs if need not in ids]:
        return f"needs: {missing[0]} is not listed"
    return ""


def _adapter() -> TypeAdapter[_Listed]:
    return TypeAdapter(_Listed)
