"""Data that moves within a deployment: which stack releases it, which imports it, and with what values.

A stack of the deployment that has data which another stack is to have releases it first. An orphan that releases data
becomes part of the deployment, as it is but without the data.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.assembly.manifest import UsePreviousValue
from builder.aws import Clients, call, together
from builder.deploy.change_sets.history import is_exact, observe_former
from builder.deploy.desired import TAG_STACK, Deployment, DesiredStack
from builder.deploy.handovers.existing import DesiredData, ExistingData, bind_desired, find_existing, missing
from builder.deploy.handovers.transfers import NO_TRANSFER, Transfer, movable, text_deployed
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.observe.live import OWNED_AS, LiveResource, Owner, observe_live_bucket, observe_table
from builder.deploy.observe.stacks import ObservedStack, observe_policy, observe_template
from builder.deploy.promotion import Promotion
from builder.deploy.resources.global_table import replica_regions
from builder.errors import Stopped, gathered
from builder.resource_types import BUCKET, GLOBAL_TABLE
from builder.template import (
    denial,
    open_for,
    properties_of,
    read_deployed,
    references_to,
    released,
    without,
)
from builder.terms import LogicalId, Region, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers:
    """A deployment with the stacks that release data it imports, what is deployed of it, and the data that moves."""

    deployment: Deployment
    deployed: ObservedDeployment
    transfers: Mapping[StackId, Transfer] = field(default_factory=dict)
    promotion: Promotion | None = None

    def has_moved(self, stack: ObservedStack) -> bool:
        """Return whether a promotion has moved an orphan's component to the promoted region, or will."""
        region, _, component = stack.tags.get(TAG_STACK, "").partition("/")
        if self.promotion is None or not region == stack.region == self.promotion.came_from:
            return False
        return f"{self.promotion.to}/{component}" in {desired.id for desired in self.deployment.stacks}

    @property
    def orphan_releases(self) -> Mapping[str, frozenset[LogicalId]]:
        """The logical ids that each orphan releases, by its ARN; it is deleted only if it holds nothing else."""
        orphans = {stack.arn for stack in self.deployed.orphans}
        return {
            stack.arn: frozenset(self.transfers[name].releases)
            for name, stack in self.deployed.stacks.items()
            if stack.arn in orphans and name in self.transfers
        }


async def observe_handovers(
    deployment: Deployment,
    deployed: ObservedDeployment,
    clients: Clients,
    promotion: Promotion | None,
    *,
    import_existing: bool = False,
) -> Handovers:
    """Return the data that is to move.

    Raises Stopped, with every reason, where existing data's import is not intended.
    """
    existing_data = await find_existing(deployment, deployed, clients, promotion, import_existing=import_existing)
    if not existing_data:
        return Handovers(deployment=deployment, deployed=deployed, promotion=promotion)
    return await _hand_over(existing_data, _HandoverContext(deployment, deployed, clients, promotion))


@dataclass(frozen=True, slots=True)
class _HandoverContext:
    """What the handovers of a deployment are read with."""

    deployment: Deployment
    deployed: ObservedDeployment
    clients: Clients
    promotion: Promotion | None


async def _hand_over(existing_data: Sequence[ExistingData], context: _HandoverContext) -> Handovers:
    to_import = [existing.data for existing in existing_data if not existing.is_held]
    live = await together(_observe(data, context) for data in to_import)
    if obstacles := [
        fault for data, resource in zip(to_import, live, strict=True) for fault in _obstacles(data, resource)
    ]:
        raise gathered(obstacles)
    names = _names_of_orphans(context)
    seen = await together(
        _observe_release(existing.data, owner, stack, names, context)
        for existing in existing_data
        for owner, stack in existing.ours
    )
    releases = [release for release in seen if release is not None]
    formers = await together(_observe_former(existing, context) for existing in existing_data if not existing.is_held)
    transfers: dict[StackId, Transfer] = {}
    for source in dict.fromkeys(release.source for release in releases):
        transfers[source] = _transfer_out([release for release in releases if release.source == source])
    for taker in dict.fromkeys(data.stack.id for data in to_import):
        imports = {
            data.logical_id: resource for data, resource in zip(to_import, live, strict=True) if data.stack.id == taker
        }
        sources = {release.data.logical_id: release.source for release in releases if release.data.stack.id == taker}
        former = {
            data.logical_id: name
            for data, name in zip(to_import, formers, strict=True)
            if data.stack.id == taker and name
        }
        transfers[taker] = replace(
            transfers.get(taker, NO_TRANSFER),
            imports=imports,
            sources=sources,
            former=former,
            is_only=_has_copies(imports.values(), context.deployment.skipped),
            is_exact=await is_exact(
                context.deployed.stacks.get(taker),
                context.deployed.templates.get(taker),
                (context.deployment.stack(taker).template,),
                context.clients,
            ),
        )
    return _with_orphans(context, releases, transfers)


async def _observe(data: DesiredData, context: _HandoverContext) -> LiveResource:
    """Return the data as it is, to be compared with its template."""
    clients, site, stack = context.clients, data.stack.site, data.stack
    bound = bind_desired(stack, stack.account or context.deployed.account)
    desired = bound.binding.value(properties_of(bound.template.resource(data.logical_id)))
    if data.type == GLOBAL_TABLE:
        lost = context.deployment.skipped
        live = await observe_table(clients, site, data.name, properties=desired, stack_tags=stack.tags, lost=lost)
    else:
        makes = [bound.binding.value(properties_of(body)) for _, body in bound.resources("AWS::S3::BucketPolicy")]
        live = await observe_live_bucket(
            clients,
            site,
            data.name,
            properties=desired,
            stack_tags=stack.tags,
            makes_policy=bool(makes),
            policy=next((policy.get("PolicyDocument") for policy in makes if policy.get("Bucket") == data.name), None),
        )
    if live is None:
        raise missing(data)
    return live


def _obstacles(data: DesiredData, live: LiveResource) -> list[Stopped]:
    return [Stopped(where=data.where, what=f"the {data.noun} {data.name}: {obstacle}") for obstacle in live.obstacles]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """Data that a stack of the deployment has and is to release."""

    source: StackId
    """The stack's id: the assembly's; for an orphan its former id."""
    stack: ObservedStack
    logical_id: LogicalId
    data: DesiredData
    template: object
    is_exact: bool
    literals: Mapping[str | None, str]
    policy: str | None
    type: str
    """The type by which the stack has it."""


async def _observe_release(
    data: DesiredData, owner: Owner, stack: ObservedStack, names: Mapping[str, StackId], context: _HandoverContext
) -> _Release | None:
    """Return what a stack releases; None where its template no longer has it, even if a lagging listing does."""
    deployed, clients = context.deployed, context.clients
    known = next((name for name, there in deployed.stacks.items() if there.arn == stack.arn), None)
    source = known or names[stack.arn]
    template = deployed.templates.get(source) if known else None
    template = template if template is not None else await observe_template(clients, stack)
    if not read_deployed(template, source).resource(owner.logical_id):
        return None
    with movable(source):
        refers = references_to(read_deployed(template, source), (owner.logical_id,))
    policy = await observe_policy(clients, stack)
    denied = policy and denial(policy, "Update:Delete", owner.logical_id, owner.type)
    return _Release(
        source=source,
        stack=stack,
        logical_id=owner.logical_id,
        data=data,
        template=template,
        is_exact=await is_exact(stack, template, _known_texts(source, data, context), clients),
        literals=await _literals(data, owner, clients) if refers else {},
        policy=policy if denied else None,
        type=owner.type,
    )


def _has_copies(imports: Iterable[LiveResource], regions: Collection[Region]) -> bool:
    """Return whether any of the imported data has a copy in one of the regions."""
    tables = (resource.definition for resource in imports if resource.type == GLOBAL_TABLE)
    return any(region in regions for table in tables for region in replica_regions(table))


def _known_texts(source: StackId, data: DesiredData, context: _HandoverContext) -> tuple[str, ...]:
    """Return the templates to be deployed: the stack's own, if it stays, and that of the stack that takes its data."""
    own = (stack.template for stack in context.deployment.stacks if stack.id == source)
    return (*own, data.stack.template)


async def _observe_former(existing: ExistingData, context: _HandoverContext) -> str:
    """Return who released data that no stack lists: a stack of the deployment, or a region in a promotion."""
    data, deployed = existing.data, context.deployed
    if existing.owners:
        return ""
    if existing.data.is_promoted_by(context.promotion):
        return context.promotion.came_from if context.promotion is not None else ""
    stacks = [
        stack for stack in (*deployed.stacks.values(), *deployed.orphans) if stack.site.account == data.stack.account
    ]
    former = await observe_former(data.name, OWNED_AS, stacks, context.clients)
    return "" if former is None else f"{former.region}/{former.name}"


def _names_of_orphans(context: _HandoverContext) -> dict[str, StackId]:
    """Return a unique id for each orphan, by ARN; its former id if that is free.

    No id is that of an orphan's own deletion, which comes after all its other steps.
    """
    deployment, deployed = context.deployment, context.deployed
    taken = {stack.id for stack in (*deployment.stacks, *deployment.left_out)} | deployed.stacks.keys()
    taken |= {StackId(f"{stack.region}/{stack.name}") for stack in deployed.orphans}
    names: dict[str, StackId] = {}
    for stack in sorted(deployed.orphans, key=lambda stack: stack.arn):
        had, own = stack.tags.get(TAG_STACK, ""), f"{stack.region}/{stack.name}-released"
        names[stack.arn] = next(
            name
            for name in map(StackId, (had, own, *(f"{own}-{n}" for n in range(2, len(deployed.orphans) + 2))))
            if name and name not in taken
        )
        taken.add(names[stack.arn])
    return names


async def _literals(data: DesiredData, owner: Owner, clients: Clients) -> dict[str | None, str]:
    """Return the values of references to the data: by its logical id alone, and by its attributes.

    Sources, of return values:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
    if data.type == BUCKET:
        partition, name, region = owner.stack_arn.split(":")[1], data.name, owner.site.region
        domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return {
            None: name,
            "Arn": f"arn:{partition}:s3:::{name}",
            "DomainName": f"{name}.s3.{domain}",
            "RegionalDomainName": f"{name}.s3.{region}.{domain}",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.{domain}",
        }
    client = clients.of(owner.site).dynamodb(owner.site.region)
    table = (await call(data.where, client.describe_table, TableName=data.name))["Table"]
    attributes = {
        "Arn": table.get("TableArn"),
        "StreamArn": table.get("LatestStreamArn"),
        "TableId": table.get("TableId"),
    }
    return {None: data.name, **{name: value for name, value in attributes.items() if value}}


def _transfer_out(releases: Sequence[_Release]) -> Transfer:
    policy = next((release.policy for release in releases if release.policy is not None), None)
    leaving: dict[str, str] = {release.logical_id: release.type for release in releases}
    others = read_deployed(releases[0].template, releases[0].source).resources().keys() - leaving.keys()
    return Transfer(
        releases={release.logical_id: release.data.stack.id for release in releases},
        literals={
            (release.logical_id, attribute): value
            for release in releases
            for attribute, value in release.literals.items()
        },
        policy=policy,
        opened=open_for(policy, leaving, others) if policy is not None else "",
        is_exact=all(release.is_exact for release in releases),
    )


def _with_orphans(
    context: _HandoverContext, releases: Sequence[_Release], transfers: Mapping[StackId, Transfer]
) -> Handovers:
    """Return the handovers; each orphan that releases data is a stack to be deployed without that data."""
    deployment, deployed = context.deployment, context.deployed
    added = {release.source: release for release in releases if release.source not in deployed.stacks}
    stacks = tuple(_without_data(release, transfers[source]) for source, release in added.items())
    return Handovers(
        deployment=_imported_last(
            replace(deployment, stacks=(*deployment.stacks, *stacks), leaving=tuple(added)), transfers
        ),
        deployed=replace(
            deployed,
            stacks={**deployed.stacks, **{source: release.stack for source, release in added.items()}},
            templates={**deployed.templates, **{source: release.template for source, release in added.items()}},
        ),
        transfers=transfers,
        promotion=context.promotion,
    )


def _imported_last(deployment: Deployment, transfers: Mapping[StackId, Transfer]) -> Deployment:
    """Return the deployment with imports beside a lost region ordered last, without dependants.

    *Unverified* whether CloudFormation imports a table while a region of its replicas is lost; the data exists anyway.
    """
    last = {name for name, transfer in transfers.items() if transfer.is_only}
    others = tuple(stack.id for stack in deployment.stacks if stack.id not in last)
    stacks = (
        replace(stack, needs=others if stack.id in last else tuple(need for need in stack.needs if need not in last))
        for stack in deployment.stacks
    )
    return replace(deployment, stacks=tuple(stacks)) if last else deployment


def _without_data(release: _Release, transfer: Transfer) -> DesiredStack:
    names, stack = tuple(transfer.releases), release.stack
    with movable(release.source):
        base = text_deployed(release.template, release.source, is_exact=transfer.is_exact)
        text = without(released(base, names, transfer.literals), names)
    return as_deployed(release.source, stack, text)


def as_deployed(name: StackId, stack: ObservedStack, text: str) -> DesiredStack:
    """Return an orphan as a desired stack: with this template, and everything else as deployed."""
    return DesiredStack(
        id=name,
        region=stack.region,
        name=stack.name,
        template=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parameters={name: UsePreviousValue() for name in stack.parameters},
        capabilities=stack.capabilities,
        needs=(),
        tags=dict(stack.tags),
        account=stack.site.account,
    )
