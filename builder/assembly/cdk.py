"""A CDK app's cloud assembly, the folder cdk.out, read as an assembly; templates stay byte for byte as they are.

What a stack takes from a bucket goes where CDK's own templates look for it: to the bucket and key of its assets file.
Nothing here calls AWS; what has to exist before anything is planned is a `Bootstrap`.

Source: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from builder.assembly.assets import ACCOUNT, REGION, Asset
from builder.assembly.capabilities import capabilities_of
from builder.assembly.cdk_form import Artifact, ArtifactProperties, AssetFile, CloudAssembly, Destination, FileSource
from builder.assembly.manifest import VERSION, Manifest, StackEntry, read_manifest, write_manifest
from builder.assembly.store import Assembly, Bootstrap, read_file
from builder.errors import BadInput, gathered
from builder.packing.source import NoSource, Recipe, asset_id, read_source, sha256_of
from builder.template import read_template
from builder.terms import AccountId, Region, Site, StackId

MARKER = "cdk.out"
"""The file by which CDK's own tools recognize a cloud assembly."""
_MANIFEST = "manifest.json"
_KNOWN_VERSION = 55
"""The newest version of the schema when this was written; every addition to the schema gets a new version."""
_STACK, _ASSETS, _NESTED = "aws:cloudformation:stack", "cdk:asset-manifest", "cdk:cloud-assembly"
_INFORMATION = frozenset({"none", "cdk:tree", "cdk:feature-flag-report"})
"""Artifacts that are not deployed."""
_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""Where CDK's own bootstrap has its version, unless the app has another qualifier."""
_OLD_ASSETS = "AssetParameters"
"""The beginning of the names of parameters through which the synthesizer of CDK 1 takes files."""
_SYNTH = "cdk synth    again, then the same command"


@dataclass(frozen=True, slots=True)
class CdkAssembly:
    """A cloud assembly as it was read."""

    assembly: Assembly
    notes: tuple[str, ...]
    """What it states and is ignored, a line each."""


def is_cloud_assembly(folder: Path) -> bool:
    """Return whether a folder is a CDK app's output, and not an assembly of ours."""
    if (folder / MARKER).is_file():
        return True
    try:
        written = json.loads((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(written, dict) and "artifacts" in written and "stacks" not in written


def find_root(folder: Path) -> Path:
    """Return the outermost cloud assembly around a folder: those of stages take files from the one around them."""
    root = folder
    while (root.absolute().parent / MARKER).is_file():
        root = root.absolute().parent
    return root


def read_cloud_assembly(folder: Path, project: str) -> CdkAssembly:
    """Return the cloud assembly in a folder, its deployment named after the project.

    Raises BadInput, or Several, with the place in the folder of everything that cannot be deployed from it: images,
    stacks without a fixed account or region, values that were not looked up, two stacks of one name in one place.
    """
    reading = _Reading(folder, find_root(folder))
    reading.read(".")
    if not reading.stacks and not reading.faults:
        reading.fault(_MANIFEST, "has no stack in it", _SYNTH)
    reading.check_names()
    if reading.faults:
        raise gathered(reading.faults)
    manifest = reading.manifest(project)
    # It is checked as every manifest: read as if it had been written.
    manifest = read_manifest(write_manifest(manifest), str(folder / _MANIFEST))
    assembly = Assembly(
        manifest=manifest,
        templates={stack.template: stack.data for stack in reading.stacks.values()},
        assets=_merged(reading.assets, find_root(folder)),
        bootstraps=_strictest(reading.bootstraps),
    )
    return CdkAssembly(assembly, tuple(dict.fromkeys(reading.notes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stack:
    """A stack of a cloud assembly."""

    place: str
    """Its artifact's place, for people."""
    site: Site
    name: str
    template: str
    data: bytes
    needs: tuple[tuple[str, str], ...]
    """The stacks it depends on: each one's cloud assembly folder and artifact there."""
    properties: ArtifactProperties


class _Reading:
    """What is gathered from a cloud assembly and from those in it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self.stacks: dict[tuple[str, str], _Stack] = {}
        self.assets: list[Asset] = []
        self.bootstraps: list[Bootstrap] = []
        self.faults: list[BadInput] = []
        self.notes: list[str] = []

    def fault(self, place: str, what: str, next_step: str) -> None:
        self.faults.append(BadInput(where=str(self._folder / place), what=what, next_step=next_step))

    def read(self, within: str) -> None:
        """Read the cloud assembly in a folder below, and all cloud assemblies in it."""
        place = posixpath.normpath(posixpath.join(within, _MANIFEST))
        written: CloudAssembly = self._parsed(place, CloudAssembly)
        self._check_version(place, written.version)
        for missing in written.missing:
            self.fault(
                f"{place}: missing",
                f"{missing.key} was not looked up ({missing.provider}): what stands in its place is made up",
                "cdk synth    with credentials of the account, once; and commit cdk.context.json, in which it keeps it",
            )
        for name, artifact in written.artifacts.items():
            where = f"{place}: artifacts.{name}"
            if artifact.type == _STACK:
                self._read_stack(within, name, where, written.artifacts)
            elif artifact.type == _NESTED:
                self._read_nested(within, where, artifact.properties.directory_name)
            elif artifact.type not in {_ASSETS, *_INFORMATION}:
                self.fault(where, f"is of the type {artifact.type}, which this builder does not know", _SYNTH)

    def _read_nested(self, within: str, where: str, directory: str) -> None:
        below = posixpath.normpath(posixpath.join(within, directory))
        is_below = below.startswith(f"{within}/") if within != "." else not below.startswith((".", "/"))
        if is_below:
            self.read(below)
        else:
            self.fault(where, f"directoryName: '{directory}' is no folder within the assembly", _SYNTH)

    def _check_version(self, place: str, version: str) -> None:
        if not re.match(r"[0-9]+(\.|$)", version):
            self.fault(place, f"version: '{version}' is no version", _SYNTH)
        elif int(version.partition(".")[0]) > _KNOWN_VERSION:
            self.notes.append(
                f"{self._folder / place} is of version {version} of CDK's schema, and this builder knows "
                f"{_KNOWN_VERSION}: what is new in it is not seen"
            )

    def _read_stack(self, within: str, name: str, where: str, artifacts: Mapping[str, Artifact]) -> None:
        artifact = artifacts[name]
        properties = artifact.properties
        site = self._site(where, name, artifact.environment)
        template = posixpath.normpath(posixpath.join(within, properties.template_file))
        if not properties.template_file or template.startswith(("../", "/")):
            self.fault(where, f"templateFile: '{properties.template_file}' is no file of the assembly", _SYNTH)
            return
        own = [
            name,
            *(
                dependency
                for dependency in artifact.dependencies
                if dependency in artifacts and artifacts[dependency].type == _ASSETS
            ),
        ]
        needs = [need for need in artifact.dependencies if need not in own]
        for need in needs:
            if need not in artifacts:
                self.fault(where, f"dependencies: there is no artifact {need}", _SYNTH)
        stack = _Stack(
            place=where,
            site=site,
            name=properties.stack_name or name,
            template=template,
            data=read_file(self._folder, template, next_step=_SYNTH),
            needs=tuple(
                (within, need) for need in needs if need in artifacts and artifacts[need].type not in _INFORMATION
            ),
            properties=properties,
        )
        self.stacks[within, name] = stack
        self._check_template(stack)
        if properties.notification_arns:
            self.notes.append(f"{self._folder / where}: notificationArns are not set on the stack: it keeps its own")
        for dependency in own:
            self._require(site, artifacts[dependency].properties)
            if artifacts[dependency].type == _ASSETS:
                self._read_assets(within, artifacts[dependency].properties.file, stack)

    def _site(self, where: str, name: str, environment: str | None) -> Site:
        match = re.fullmatch(r"aws://([^/]+)/([^/]+)", environment or "")
        account, region = match.groups() if match else ("", "")
        if not re.fullmatch("[0-9]{12}", account) or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]+", region):
            self.fault(
                where,
                f"{name} has the environment {environment or 'none'}: it is open where it goes",
                f'env: {{account: "111122223333", region: "us-east-1"}}    for {name} in the app, then: cdk synth',
            )
        return Site(AccountId(account), Region(region))

    def _check_template(self, stack: _Stack) -> None:
        template = read_template(stack.data, str(self._folder / stack.template))
        old = [name for name in template.parameters if name.startswith(_OLD_ASSETS)]
        if old and not set(old) <= stack.properties.parameters.keys():
            self.fault(
                stack.place,
                f"takes files by parameters such as {old[0]}, which only CDK 1's way of deploying fills in",
                "take the DefaultStackSynthesizer in the app, then: cdk synth",
            )

    def _require(self, site: Site, properties: ArtifactProperties) -> None:
        if properties.requires_bootstrap_stack_version is not None:
            parameter = properties.bootstrap_stack_version_ssm_parameter or _PARAMETER
            version = properties.requires_bootstrap_stack_version
            self.bootstraps.append(Bootstrap(site=site, parameter=parameter, version=version))

    def _read_assets(self, within: str, file: str, stack: _Stack) -> None:
        place = posixpath.normpath(posixpath.join(within, file))
        written: AssetFile = self._parsed(place, AssetFile)
        for name in written.docker_images:
            self.fault(
                f"{place}: dockerImages.{name}",
                f"{stack.name} takes a container image, and images are not built here",
                "cdk deploy    takes such a stack; or build the image elsewhere and name it by its address in ECR",
            )
        for name, listed in written.files.items():
            where = f"{place}: files.{name}"
            source = self._source(where, within, listed.source)
            # A template that fits into a request is sent in it; a larger one is put into the bucket for those.
            if source is not None and source != self._relative(stack.template):
                for destination in listed.destinations.values():
                    self._take(where, source, listed.source.packaging, destination, stack.site)

    def _source(self, where: str, within: str, source: FileSource) -> str | None:
        """Return an asset's path, relative to the outermost cloud assembly; None where that is a fault."""
        if source.executable or source.path is None:
            self.fault(
                where,
                "is made by a program of the app's own while CDK deploys, which this builder does not run",
                "make the file before synthesis, then: cdk synth",
            )
            return None
        path = self._relative(posixpath.join(within, source.path))
        if source.path.startswith("/") or path == ".." or path.startswith("../"):
            self.fault(
                where,
                f"lies outside of the assembly, at {source.path}",
                "cdk synth    without --no-staging, which leaves files where they are",
            )
            return None
        if not (self._root / path).exists():
            self.fault(where, f"{source.path} is not there", _SYNTH)
            return None
        return path

    def _relative(self, path: str) -> str:
        """Return a path in this folder as one in the outermost cloud assembly."""
        above = self._folder.absolute().relative_to(self._root.absolute()).as_posix()
        return posixpath.normpath(posixpath.join(above, path))

    def _take(self, where: str, source: str, packaging: str, destination: Destination, site: Site) -> None:
        key = destination.object_key
        if not key or key.startswith("/") or ".." in key.split("/"):
            self.fault(where, f"objectKey: '{key}' is no key that a file can be kept by", _SYNTH)
            return
        region = Region(destination.region or site.region)
        path = self._root / source
        try:
            packed = packaging == "zip" and path.is_dir()
            digest = asset_id(read_source(path, follow=True), Recipe()) if packed else sha256_of(path)
        except (NoSource, OSError) as error:
            self.fault(where, f"{source} {error}", _SYNTH)
            return
        account = site.account or AccountId("")
        bound = _filled(destination.bucket_name, account, region)
        is_template = packaging == "file" and source.endswith((".template.json", ".template.yaml"))
        self.assets.append(
            Asset(
                id=digest,
                kind="zip" if packed else "template" if is_template else "file",
                source=source,
                key=_filled(key, account, region),
                regions=(region,),
                bucket=_neutral(bound, account, region),
            )
        )

    def _parsed(self, place: str, form: type[Any]) -> Any:  # noqa: ANN401 - the record of that form
        data = read_file(self._folder, place, next_step=_SYNTH)
        try:
            return TypeAdapter(form).validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "the file"
            raise BadInput(where=str(self._folder / place), what=f"{key}: {first['msg']}", next_step=_SYNTH) from error

    def check_names(self) -> None:
        """Report two stacks of one name in one place as a fault: the second would be an update of the first."""
        first: dict[tuple[Site, str], str] = {}
        for stack in self.stacks.values():
            other = first.setdefault((stack.site, stack.name), stack.place)
            if other != stack.place:
                self.fault(
                    stack.place,
                    f"is the stack {stack.name} in {stack.site.region}, and so is {other}: a name is there once",
                    "give one of them a stackName of its own in the app, then: cdk synth",
                )

    def manifest(self, project: str) -> Manifest:
        """Return the manifest of what was read."""
        ids = self._ids()
        entries = [self._entry(key, stack, ids) for key, stack in self.stacks.items()]
        outputs = {
            f"{ids[key]}.{output}": (ids[key], output)
            for key, stack in self.stacks.items()
            for output in read_template(stack.data).section("Outputs")
        }
        return Manifest(
            version=VERSION,
            project=project,
            stacks=tuple(entries),
            outputs=outputs,
            artifacts_bucket=_large_templates(self.stacks.values()),
        )

    def _ids(self) -> dict[tuple[str, str], StackId]:
        """Return each stack's id: region and name, with the account where two stacks have the same."""
        named = [(stack.site.region, stack.name) for stack in self.stacks.values()]
        return {
            key: StackId(
                f"{stack.site.region}/{stack.name}"
                + (f"-{stack.site.account}" if named.count((stack.site.region, stack.name)) > 1 else "")
            )
            for key, stack in self.stacks.items()
        }

    def _entry(self, key: tuple[str, str], stack: _Stack, ids: Mapping[tuple[str, str], StackId]) -> StackEntry:
        properties = stack.properties
        return StackEntry(
            id=ids[key],
            region=stack.site.region,
            name=stack.name,
            template=stack.template,
            sha256=hashlib.sha256(stack.data).hexdigest(),
            parameters=properties.parameters,
            capabilities=capabilities_of(read_template(stack.data)),
            needs=tuple(dict.fromkeys(stack_id for need in stack.needs for stack_id in self._in(need, ids))),
            tags=properties.tags,
            termination_protection=properties.termination_protection,
            account=stack.site.account,
        )

    def _in(self, need: tuple[str, str], ids: Mapping[tuple[str, str], StackId]) -> Iterator[StackId]:
        """Yield the stacks of a dependency: one, or all that are in another cloud assembly."""
        if need in ids:
            yield ids[need]
            return
        below = posixpath.normpath(posixpath.join(*need))
        yield from (name for (within, _), name in ids.items() if within == below or within.startswith(f"{below}/"))


def _filled(text: str, account: AccountId, region: Region) -> str:
    """Return a text of an assets file with its placeholders filled in.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/customize-synth.html
    """
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")
    values = {"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": partition}
    return re.sub(r"\$\{(AWS::[A-Za-z]+)\}", lambda match: values.get(match[1], match[0]), text)


def _neutral(bucket: str, account: AccountId, region: Region) -> str:
    """Return a bucket's name for every account and region; filled in for these it is the same again."""
    return bucket.replace(account, ACCOUNT).replace(region, REGION) if account and region else bucket


def _large_templates(stacks: Iterable[_Stack]) -> str | None:
    """Return the bucket for templates too large for a request, if CDK has one for all stacks."""
    urls = [(stack, stack.properties.stack_template_asset_object_url) for stack in stacks]
    buckets = {
        _neutral(_filled(url.removeprefix("s3://").partition("/")[0], account, region), account, region)
        for stack, url in urls
        if url and url.startswith("s3://")
        for account, region in [(stack.site.account or AccountId(""), stack.site.region)]
    }
    return next(iter(buckets)) if len(buckets) == 1 else None


def _merged(assets: Sequence[Asset], root: Path) -> tuple[Asset, ...]:
    """Return each asset once with all its regions, and templates with the assets that they take."""
    regions: dict[Asset, list[Region]] = {}
    for asset in assets:
        regions.setdefault(replace(asset, regions=()), []).extend(asset.regions)
    ids = {asset.key.encode(): asset.id for asset in regions}

    def needs(asset: Asset) -> tuple[str, ...]:
        data = (root / asset.source).read_bytes() if asset.kind == "template" else b""
        return tuple(sorted({id_ for key, id_ in ids.items() if key in data}))

    return tuple(replace(asset, regions=tuple(sorted(set(of))), needs=needs(asset)) for asset, of in regions.items())


def _strictest(bootstraps: Iterable[Bootstrap]) -> tuple[Bootstrap, ...]:
    """Return each bootstrap with the highest version that is required of it."""
    versions: dict[tuple[Site, str], Bootstrap] = {}
    for bootstrap in bootstraps:
        known = versions.setdefault((bootstrap.site, bootstrap.parameter), bootstrap)
        if bootstrap.version > known.version:
            versions[bootstrap.site, bootstrap.parameter] = bootstrap
    return tuple(versions.values())
