"""The local paths of a template: found, and replaced in its text by places in a bucket; all other bytes stay.

Only the template and the files that it names are read; nothing here calls AWS.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from builder.assembly.assets import BUCKET_PARAMETER, Asset
from builder.errors import BadInput, did_you_mean
from builder.packing.source import NoSource, Recipe, asset_id, check_archive, is_archive, read_source
from builder.resource_types import LAYER, SAM_FUNCTION
from builder.resource_types.facts import RESOURCE_TYPES, ResourceType
from builder.template import Template, TemplatePath, Unspliceable, at, lines_of, parse_template, put_values, text_of
from builder.terms import Region

URL = f"https://${{{BUCKET_PARAMETER}}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}/"
"""The beginning of a TemplateURL, as a text of Fn::Sub.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""
_DEEPEST = 20
"""The deepest nesting of templates: CloudFormation has no limit of its own, and a circle has no end."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """A template as it is deployed, and all its assets, with those of its nested templates."""

    data: bytes
    assets: tuple[Asset, ...] = ()


_GLOBALS: TemplatePath = ("Globals", "Function")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|arn:")


def package(data: bytes, file: Path, root: Path, region: Region) -> Packaged:
    """Return a template with assets in place of its local paths; the very same bytes where it has none.

    A file that is no template is returned too: whoever reads it reports that. Paths are relative to the template's
    `file`, as `aws cloudformation package` takes them, and stay below `root`. Raises BadInput with the line in the
    template of every path without anything that can be uploaded.
    """
    try:
        parse_template(data, str(file))
    except BadInput:
        return Packaged(data)
    return _package(data, _Where(root, file.relative_to(root) if file.is_absolute() else file, region), ())


@dataclass(frozen=True, slots=True)
class _Where:
    """The template that is packaged."""

    root: Path
    file: Path
    """Its path, relative to the root."""
    region: Region


@dataclass(frozen=True, slots=True)
class _Local:
    """A local path in a template."""

    path: TemplatePath
    type: str
    form: Literal["code", "sam", "template", ""]
    """The form in which the place in a bucket is written there; empty where the path is refused."""
    body: Mapping[str, Any]
    """The resource's body."""
    value: str


@dataclass(slots=True)
class _Result:
    values: dict[TemplatePath, object] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    faults: dict[TemplatePath, str] = field(default_factory=dict)


def _package(data: bytes, where: _Where, above: tuple[Path, ...]) -> Packaged:
    template = Template(parse_template(data, str(where.file)))
    locals_ = tuple(_locals(template))
    if not locals_:
        return Packaged(data)
    result = _Result()
    for local in locals_:
        try:
            _pack(local, template, where, (*above, where.file), result)
        except NoSource as fault:
            result.faults[local.path] = f"{local.path[1]}: {local.path[-1]} '{local.value}' {fault}"
    text = text_of(data, str(where.file))
    if result.faults:
        lines = lines_of(text, result.faults)
        faults = sorted((lines[path], fault) for path, fault in result.faults.items())
        (line, what), *others = faults
        more = (f"{where.file}:{line}: {fault}" for line, fault in others)
        raise BadInput(where=f"{where.file}:{line}", what="\n  ".join((what, *more)))
    if BUCKET_PARAMETER not in template.section("Parameters"):
        result.values["Parameters", BUCKET_PARAMETER] = {"Type": "String"}
    try:
        packed = put_values(text, result.values).encode()
    except Unspliceable as error:
        lines = lines_of(text, [locals_[0].path])
        raise BadInput(
            where=f"{where.file}:{lines[locals_[0].path]}",
            what="the local paths of this template cannot be replaced in its text: it has aliases, or a form that is "
            "not read the same by every reader",
            next_step="write the resource in plain YAML or JSON, or say S3Bucket and S3Key yourself",
        ) from error
    return Packaged(packed, tuple(result.assets.values()))


def _locals(template: Template) -> Iterator[_Local]:
    """Yield every local path of a template; places in a bucket and functions are none."""
    for path, body in template.written_resources():
        type_name, properties = str(body.get("Type")), at(body, "Properties")
        known = RESOURCE_TYPES.get(type_name, ResourceType())
        for local in known.local_paths:
            if (value := _local(at(properties, *local))) is not None:
                yield _Local((*path, "Properties", *local), type_name, known.packed_as, body, value)
    of_all, sam = at(template.data, *_GLOBALS), RESOURCE_TYPES[SAM_FUNCTION]
    for local in sam.local_paths:
        if (value := _local(at(of_all, *local))) is not None:
            yield _Local((*_GLOBALS, *local), "Globals", sam.packed_as, {"Properties": of_all}, value)
    for path, location in _includes(template.data, ()):
        yield _Local(path, "AWS::Include", "", {}, location)


def _includes(value: object, path: TemplatePath) -> Iterator[tuple[TemplatePath, str]]:
    """Yield where a transform includes a local file."""
    match value:
        case {"Name": "AWS::Include", "Parameters": {"Location": str(location)}} if _local(location) is not None:
            yield (*path, "Parameters", "Location"), location
        case Mapping():
            for key, inner in value.items():
                yield from _includes(inner, (*path, str(key)))
        case list():
            for place, inner in enumerate(value):
                yield from _includes(inner, (*path, place))


def _local(value: object) -> str | None:
    return value if isinstance(value, str) and not _REMOTE.match(value) else None


def _pack(local: _Local, template: Template, where: _Where, above: tuple[Path, ...], result: _Result) -> None:
    """Add the asset of a local path. Raises NoSource, and BadInput for the faults of a nested template."""
    if not local.form:
        raise NoSource(
            f"is a local path, and those of {local.type} are not packaged: say where in S3 it lies (packaged are Code "
            "and Content of Lambda's functions and layers, CodeUri of SAM's functions, TemplateURL of nested stacks)"
        )
    source = _find(local.value, where)
    bucket = {"Ref": BUCKET_PARAMETER}
    if local.form == "template":
        packaged, asset = _pack_template(source, where, above)
        result.assets |= {other.id: other for other in (*packaged.assets, asset)}
        result.values[local.path] = {"Fn::Sub": URL + asset.key}
        if packaged.data and _takes_bucket(packaged.data, source):
            result.values |= _bucket_parameter(local)
        return
    asset = _pack_code(source, _recipe(local, template), where)
    result.assets[asset.id] = asset
    names = ("Bucket", "Key") if local.form == "sam" else ("S3Bucket", "S3Key")
    result.values[local.path] = dict(zip(names, (bucket, asset.key), strict=True))


def _find(value: str, where: _Where) -> str:
    """Return the source of a local path, relative to the root. Raises NoSource where nothing can be read."""
    if "${" in value:
        raise NoSource("has a variable in it, and paths are read when nothing is known of variables")
    if value.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", value):
        raise NoSource("is no path relative to the template, so it is another one on each machine")
    if "\\" in value:
        raise NoSource("has a backslash: folders are parted by /")
    source = posixpath.normpath(posixpath.join(where.file.parent.as_posix(), value))
    if source == ".." or source.startswith("../"):
        raise NoSource("leads out of the folder of dr.yaml")
    if source == ".":
        raise NoSource("is the folder of dr.yaml itself, in which render and build write: name a folder within it")
    path = where.root
    for part in PurePosixPath(source).parts:
        path /= part
        if path.is_symlink():
            raise NoSource(f"leads through {path.relative_to(where.root).as_posix()}, which is a symbolic link")
        if not path.exists():
            names = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
            raise NoSource(
                f"leads to nothing: there is no {path.relative_to(where.root).as_posix()}{did_you_mean(part, names)}"
            )
    return source


def _pack_template(source: str, where: _Where, above: tuple[Path, ...]) -> tuple[Packaged, Asset]:
    file = Path(source)
    if not (where.root / file).is_file():
        raise NoSource("is no file")
    if file in above or len(above) > _DEEPEST:
        circle = " -> ".join(path.as_posix() for path in (*above, file))
        raise NoSource(f"nests templates in a circle: {circle}")
    packaged = _package((where.root / file).read_bytes(), replace(where, file=file), above)
    digest = hashlib.sha256(packaged.data).hexdigest()
    needs = tuple(sorted(asset.id for asset in packaged.assets))
    asset = Asset(id=digest, kind="template", source=source, key=f"{digest}.yaml", regions=(where.region,), needs=needs)
    return packaged, asset


def _takes_bucket(data: bytes, source: str) -> bool:
    return BUCKET_PARAMETER in Template(parse_template(data, source)).section("Parameters")


def _bucket_parameter(local: _Local) -> dict[TemplatePath, object]:
    """Return the parameter that gives the bucket's name to a nested template."""
    given = at(local.body, "Properties", "Parameters")
    if given is not None and not isinstance(given, Mapping):
        raise NoSource(f"wants {BUCKET_PARAMETER} among Parameters, which are no mapping here")
    if given and BUCKET_PARAMETER in given:
        return {}
    return {(*local.path[:-1], "Parameters", BUCKET_PARAMETER): {"Ref": BUCKET_PARAMETER}}


def _pack_code(source: str, recipe: Recipe, where: _Where) -> Asset:
    path = where.root / source
    if is_archive(path):
        digest = check_archive(path)
        return Asset(id=digest, kind="file", source=source, key=f"{digest}.zip", regions=(where.region,))
    digest = asset_id(read_source(path), recipe)
    return Asset(
        id=digest,
        kind="zip",
        source=source,
        key=f"{digest}.zip",
        regions=(where.region,),
        recipe=recipe.name,
        runtime=recipe.runtime,
        architecture=recipe.architecture,
    )


def _recipe(local: _Local, template: Template) -> Recipe:
    """Return how code is made: it may depend on the runtime and the architecture, if the template names them."""
    if local.type == LAYER:
        return Recipe()
    of_all = at(template.data, *_GLOBALS) if local.form == "sam" else None
    runtime, architecture = (
        next((value for value in (at(local.body, "Properties", *path), at(of_all, *path)) if value is not None), "")
        for path in (("Runtime",), ("Architectures", 0))
    )
    return Recipe(
        runtime=runtime if isinstance(runtime, str) else "",
        architecture=architecture if isinstance(architecture, str) else "",
    )
