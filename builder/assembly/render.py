"""From config and components to template bytes and manifest: the same bytes for the same input.

Besides dr.yaml it reads only the files that the user's own templates name; it writes nothing, and does not call AWS.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.assembly.assets import BUCKET_PARAMETER, Asset, asset_of, merged, taken_by
from builder.assembly.capabilities import capabilities_of
from builder.assembly.components import Roles, replica_regions
from builder.assembly.manifest import SUFFIX, VERSION, Manifest, StackEntry, check_manifest
from builder.assembly.store import FLEET_FOLDER, REQUEST_BYTES, Assembly, files_of
from builder.components.artifacts import stacks as artifacts
from builder.components.own.stacks import OWN, policy_of
from builder.components.protection import keep_data, stack_policy, termination_protection
from builder.components.system import make_topology
from builder.components.templates import make_template
from builder.config import Config, LoadedConfig
from builder.config.document import ConfigFault, errors_of
from builder.errors import gathered
from builder.packing.read import Packed
from builder.template import Template, write_template
from builder.terms import Region, StackId
from builder.topology import Stack, Topology, stack_id

if TYPE_CHECKING:
    from builder.assembly.own import OwnTemplate


@dataclass(frozen=True, slots=True)
class _Templates:
    """The templates of some stacks, by the stacks' ids."""

    bytes: Mapping[StackId, bytes] = field(default_factory=dict)
    read: Mapping[StackId, Template] = field(default_factory=dict)
    paths: Mapping[StackId, str] = field(default_factory=dict)

    def and_of(self, other: "_Templates") -> "_Templates":
        """Return the templates of both."""
        return _Templates({**self.bytes, **other.bytes}, {**self.read, **other.read}, {**self.paths, **other.paths})


def make_assembly(loaded: LoadedConfig) -> Assembly:
    """Return the whole assembly of dr.yaml, for every environment, with a fleet's beside it.

    Raises BadInput, or Several, for faults between stacks, values and templates, and for a fleet that is too large for
    AWS.
    """
    system = _system(loaded)
    fleet = _fleet(loaded, system)
    if fleet is None:
        return system
    return replace(system, beside={f"{FLEET_FOLDER}/{path}": data for path, data in files_of(fleet).items()})


def make_fleet_assembly(loaded: LoadedConfig) -> Assembly | None:
    """Return only the fleet's assembly; None if dr.yaml has no fleet.

    Raises BadInput for one that is too large for AWS.
    """
    return _fleet(loaded, _system(loaded))


def check_again(loaded: LoadedConfig, made: Assembly) -> None:
    """Raise BadInput, or Several, unless Python makes the same of dr.yaml in another process, a year later."""
    from builder.assembly.own import check_same  # noqa: PLC0415

    first = {entry.id: made.templates[entry.template] for entry in made.manifest.stacks}
    check_same(loaded, _own(make_topology(loaded)), first)


def _system(loaded: LoadedConfig) -> Assembly:
    topology = make_topology(loaded)
    built_in = _render_built_in(loaded, [stack for stack in topology.stacks if stack.component != OWN])
    packaged = _package_own(loaded, _own(topology))
    code = [asset_of(code, loaded.config.regions.all) for code in loaded.code.values() if isinstance(code, Packed)]
    topology, buckets = _with_artifacts(loaded, topology, built_in, packaged, code)
    built_in = built_in.and_of(_render_built_in(loaded, buckets))
    own = _render_own(loaded, topology, built_in, packaged)
    every = built_in.and_of(own)
    manifest = Manifest(
        version=VERSION,
        project=loaded.config.project,
        stacks=tuple(_entry(stack, every, loaded) for stack in topology.stacks),
        outputs=topology.outputs,
        roles=_roles(topology, loaded.config),
        empty_regions=_empty_regions(topology, loaded.config),
        artifacts_bucket=artifacts.bucket_name(loaded.config) if buckets or loaded.config.artifacts_bucket else None,
        components=topology.components,
    )
    templates = {every.paths[stack]: data for stack, data in every.bytes.items()}
    manifest = _with_needs(manifest, templates, _own(topology))
    # Checked as a reader does: a manifest that every verb refuses is refused here.
    check_manifest(manifest, loaded.lines.file)
    return Assembly(
        manifest=manifest,
        templates=templates,
        assets=merged((*code, *(asset for template in packaged.values() for asset in template.made.assets))),
    )


def _empty_regions(topology: Topology, config: Config) -> tuple[Region, ...]:
    regions = {stack.region for stack in topology.stacks}
    return tuple(region for region in config.regions.all if region not in regions)


def _roles(topology: Topology, config: Config) -> Roles | None:
    """Return the roles of the regions that have a stack or a replica; None if the primary has neither."""
    regions = {*(stack.region for stack in topology.stacks), *replica_regions(topology.components)}
    if config.regions.primary not in regions:
        return None
    return Roles(
        primary=config.regions.primary,
        secondaries=tuple(region for region in config.regions.secondaries if region in regions),
    )


def _own(topology: Topology) -> list[Stack]:
    return [stack for stack in topology.stacks if stack.component == OWN]


def _render_built_in(loaded: LoadedConfig, stacks: list[Stack]) -> _Templates:
    """Return each stack's template; templates that regions share, such as the service's, are written once."""
    templates: dict[StackId, bytes] = {}
    texts: dict[str, bytes] = {}
    read: dict[StackId, Template] = {}
    for stack in stacks:
        template = make_template(loaded, stack).to_dict()
        if loaded.config.protect and _data(stack, Template(template)).data:
            template = keep_data(template)
        elif stack.existing:
            template = keep_data(template, stack.existing)
        content = json.dumps(template)
        if content not in texts:
            texts[content] = write_template(template)
        templates[stack.id], read[stack.id] = texts[content], Template(template)
    return _Templates(templates, read, {stack.id: f"{stack.region}/{stack.name}.yaml" for stack in stacks})


def _package_own(loaded: LoadedConfig, stacks: list[Stack]) -> "dict[StackId, OwnTemplate]":
    if not stacks:
        return {}
    from builder.assembly.own import package_own  # noqa: PLC0415

    return package_own(loaded, stacks)


def _with_artifacts(
    loaded: LoadedConfig,
    topology: Topology,
    built_in: _Templates,
    packaged: "Mapping[StackId, OwnTemplate]",
    code: Sequence[Asset],
) -> tuple[Topology, list[Stack]]:
    """Return the topology with the stacks that create the buckets for artifacts, and those stacks.

    A stack that takes an artifact gets the bucket's name as a parameter, unless dr.yaml gives it another.
    Raises BadInput where a stack of the user's own has their name.
    """
    config, own = loaded.config, packaged
    data = {**built_in.bytes, **{stack: template.made.data for stack, template in own.items()}}
    takes = {stack for stack, template in own.items() if template.made.assets}
    takes |= {stack for stack, template in built_in.bytes.items() if taken_by(template, code)}
    large = {stack for stack, template in data.items() if len(template) > REQUEST_BYTES}
    regions = {stack.region for stack in topology.stacks if stack.id in takes | large}
    buckets = list(artifacts.make_stacks(config, regions))
    if buckets and artifacts.NAME in config.stacks:
        what = "is the stack that makes the bucket for code and templates: take another name, or `artifacts_bucket:`"
        raise gathered(errors_of([ConfigFault(("stacks", artifacts.NAME), what)], loaded.lines))
    name = artifacts.bucket_name(config)

    def given(stack: Stack) -> Stack:
        if stack.id not in takes:
            return stack
        bucket = {BUCKET_PARAMETER: name.replace(artifacts.REGION, stack.region)}
        # The needs of the user's own templates are read from them.
        maker = (stack_id(stack.region, artifacts.NAME),) if buckets and stack.component != OWN else ()
        return replace(stack, parameters={**bucket, **stack.parameters}, needs=(*maker, *stack.needs))

    return replace(topology, stacks=(*buckets, *(given(stack) for stack in topology.stacks))), buckets


def _render_own(
    loaded: LoadedConfig, topology: Topology, built_in: _Templates, packaged: "Mapping[StackId, OwnTemplate]"
) -> _Templates:
    """Return the templates of the user's own stacks, checked against the parameters and outputs in dr.yaml."""
    config = loaded.config
    if not (config.stacks or config.components or config.outputs):
        return _Templates()
    from builder.assembly.own import read_templates  # noqa: PLC0415

    read, paths = read_templates(loaded, topology, _own(topology), built_in.read, packaged)
    return _Templates({stack: own.made.data for stack, own in packaged.items()}, read, paths)


def _entry(stack: Stack, templates: _Templates, loaded: LoadedConfig) -> StackEntry:
    config, template = loaded.config, templates.read[stack.id]
    suffix = {"EnvironmentSuffix": SUFFIX} if "EnvironmentSuffix" in template.parameters else {}
    return StackEntry(
        id=stack.id,
        region=stack.region,
        name=stack.stack_name,
        template=templates.paths[stack.id],
        sha256=hashlib.sha256(templates.bytes[stack.id]).hexdigest(),
        parameters={**suffix, **stack.parameters},
        capabilities=capabilities_of(template),
        needs=stack.needs,
        tags={**config.tags, **stack.tags},
        termination_protection=termination_protection(config, own=stack.termination_protection),
        stack_policy=stack_policy(config, _data(stack, template), policy_of(loaded, stack)),
        interim=stack.interim,
        existing=stack.existing,
    )


def _data(stack: Stack, template: Template) -> Template:
    """Return the parts of a template that may hold data; the bucket for code can be filled again from its sources."""
    return Template() if stack.component == artifacts.NAME else template


def _with_needs(manifest: Manifest, templates: Mapping[str, bytes], own: list[Stack]) -> Manifest:
    if not own:
        return manifest
    from builder.assembly.own import with_needs  # noqa: PLC0415

    return with_needs(manifest, templates, own)


def _fleet(loaded: LoadedConfig, system: Assembly) -> Assembly | None:
    fleet = loaded.config.fleet
    if fleet is None:
        return None
    # Its policy is computed from the schemas that cfn-lint ships: half a second, which only a fleet pays.
    from builder.assembly.fleet import make_fleet  # noqa: PLC0415
    from builder.assembly.package import package  # noqa: PLC0415
    from builder.components.fleet.artifacts import faults_of_readers  # noqa: PLC0415

    if system.assets and loaded.config.artifacts_bucket is None and (faults := [*faults_of_readers(fleet)]):
        raise gathered(errors_of(faults, loaded.lines))

    def read(asset: Asset) -> str:
        data = (loaded.folder / asset.source).read_bytes()
        return package(data, Path(asset.source), loaded.folder, asset.regions[0]).data.decode()

    return make_fleet(loaded.config, fleet, system, read)
