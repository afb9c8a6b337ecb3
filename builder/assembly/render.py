"""Config and topology to template bytes and manifest: pure, the same bytes for the same input."""

import hashlib
import json
from dataclasses import replace

from builder.assembly.components import Bucket, Component, Components, FunctionComponent, OutputOf, Roles, Table
from builder.assembly.manifest import SUFFIX, VERSION, Manifest, StackEntry
from builder.assembly.store import FLEET_FOLDER, Assembly, files_of
from builder.config import Config, Wanted
from builder.stacks import TEMPLATES
from builder.template import write_template
from builder.terms import Region, StackId
from builder.topology import Stack, StackKind, make_topology, names, stack_id


def make_assembly(wanted: Wanted) -> Assembly:
    """Return the whole assembly that dr.yaml asks for, good for every environment; a fleet's is beside it.

    Raises BadInput for a fleet that is too large for AWS.
    """
    stacks = make_topology(wanted.config)
    system = _system(wanted, stacks)
    fleet = _fleet(wanted, stacks, system)
    if fleet is None:
        return system
    return replace(system, beside={f"{FLEET_FOLDER}/{path}": data for path, data in files_of(fleet).items()})


def make_fleet_assembly(wanted: Wanted) -> Assembly | None:
    """Return the fleet's assembly by itself; None where dr.yaml asks for no fleet.

    Raises BadInput for one that is too large for AWS.
    """
    stacks = make_topology(wanted.config)
    return _fleet(wanted, stacks, _system(wanted, stacks))


def _system(wanted: Wanted, stacks: tuple[Stack, ...]) -> Assembly:
    templates = _templates(wanted, stacks)
    manifest = Manifest(
        version=VERSION,
        project=wanted.config.project,
        stacks=tuple(_entry(stack, templates[_path(stack)], wanted.config) for stack in stacks),
        outputs=_outputs(stacks, wanted.config.regions.all),
        roles=Roles(primary=wanted.config.regions.primary, secondaries=tuple(wanted.config.regions.secondaries)),
        components=_components(wanted.config),
    )
    return Assembly(manifest=manifest, templates=templates)


def _fleet(wanted: Wanted, stacks: tuple[Stack, ...], system: Assembly) -> Assembly | None:
    fleet = wanted.config.fleet
    if fleet is None:
        return None
    # Its policy is computed from the schemas that cfn-lint ships: half a second, which only a fleet pays.
    from builder.assembly.fleet import make_fleet  # noqa: PLC0415

    return make_fleet(wanted.config, fleet, stacks, system)


def _templates(wanted: Wanted, stacks: tuple[Stack, ...]) -> dict[str, bytes]:
    """Return each stack's template by its path; what regions share, as the service's, is put into text once."""
    templates: dict[str, bytes] = {}
    texts: dict[str, bytes] = {}
    for stack in stacks:
        template = TEMPLATES[stack.kind](wanted, stack).to_dict()
        content = json.dumps(template)
        if content not in texts:
            texts[content] = write_template(template)
        templates[_path(stack)] = texts[content]
    return templates


def _outputs(stacks: tuple[Stack, ...], regions: tuple[Region, ...]) -> dict[str, tuple[StackId, str]]:
    """The URLs first, since that is what people look for; each kind in the regions' order, the primary's first."""
    kinds = ("LambdaUrl", "lambdaUrl", "TableName", "BucketName", "bucketName")
    ranked = sorted(
        (next(rank for rank, kind in enumerate(kinds) if kind in name), regions.index(stack.region), name)
        for stack in stacks
        for name, _ in stack.outputs
    )
    found = {name: (stack.id, output) for stack in stacks for name, output in stack.outputs}
    return {name: found[name] for _, _, name in ranked}


def _components(config: Config) -> Components:
    """Return what is built in, by the names that it has in dr.yaml."""
    primary, regions = config.regions.primary, config.regions.all

    def outputs(kind: StackKind, name: str) -> dict[Region, OutputOf]:
        return {region: OutputOf((stack_id(region, kind), name)) for region in regions}

    return {
        "table": Component(table=Table(name=names.table_name(config.project), regions=regions)),
        "function": Component(function=FunctionComponent(url=outputs(StackKind.SERVICE, "FunctionUrl"))),
        "bucket": Component(
            bucket=Bucket(
                names=outputs(StackKind.STORAGE, "BucketName"),
                replication=tuple((primary, region) for region in config.regions.secondaries),
            )
        ),
    }


def _path(stack: Stack) -> str:
    return f"{stack.region}/{stack.kind}.yaml"


def _entry(stack: Stack, template: bytes, config: Config) -> StackEntry:
    return StackEntry(
        id=stack.id,
        region=stack.region,
        name=stack.name,
        template=_path(stack),
        sha256=hashlib.sha256(template).hexdigest(),
        parameters={"EnvironmentSuffix": SUFFIX, **dict(stack.parameters)},
        capabilities=stack.capabilities,
        needs=stack.needs,
        tags=config.tags,
        termination_protection=config.termination_protection,
    )
