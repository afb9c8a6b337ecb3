"""Data that changes hands within a deployment: which stack lets go of it, which imports it, and with what values.

Whichever stack of the deployment lists what another one is to have lets go of it first, be it one that the assembly no
longer has: that is brought into the deployment as it is to be without it.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.assembly.manifest import PreviousValue
from builder.aws import Clients, call, together
from builder.deploy.change_sets.history import is_exact, observe_former
from builder.deploy.desired import TAG_STACK, Deployment, DesiredStack
from builder.deploy.handovers.claims import Claim, Coming, bind_desired, find_claims, missing
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
    """A deployment with the stacks that let go of data it imports, what stands of it, and what changes hands."""

    deployment: Deployment
    look: ObservedDeployment
    transfers: Mapping[StackId, Transfer] = field(default_factory=dict)
    promotion: Promotion | None = None

    def has_moved(self, stack: ObservedStack) -> bool:
        """Return whether a stack that the assembly no longer has is in the promoted region by now, or will be."""
        region, _, component = stack.tags.get(TAG_STACK, "").partition("/")
        if self.promotion is None or not region == stack.region == self.promotion.came_from:
            return False
        return f"{self.promotion.to}/{component}" in {one.id for one in self.deployment.stacks}

    @property
    def emptied(self) -> Mapping[str, frozenset[LogicalId]]:
        """What each stack lets go of that the assembly no longer has, by its ARN; nothing else may be left in it."""
        orphans = {stack.arn for stack in self.look.orphans}
        return {
            stack.arn: frozenset(self.transfers[name].releases)
            for name, stack in self.look.stacks.items()
            if stack.arn in orphans and name in self.transfers
        }


async def observe_handovers(
    deployment: Deployment, look: ObservedDeployment, clients: Clients, promotion: Promotion | None
) -> Handovers:
    """Return what is to change hands. Raises Stopped, with every reason, where data stands that nobody meant."""
    claims = await find_claims(deployment, look, clients, promotion)
    if not claims:
        return Handovers(deployment=deployment, look=look, promotion=promotion)
    return await _hand_over(claims, _Context(deployment, look, clients, promotion))


@dataclass(frozen=True, slots=True)
class _Context:
    """What claims are settled in."""

    deployment: Deployment
    look: ObservedDeployment
    clients: Clients
    promotion: Promotion | None


async def _hand_over(claims: Sequence[Claim], context: _Context) -> Handovers:
    taken = [claim.coming for claim in claims if not claim.is_held]
    live = await together(_observe(one, context) for one in taken)
    if obstacles := [fault for one, found in zip(taken, live, strict=True) for fault in _obstacles(one, found)]:
        raise gathered(obstacles)
    names = _names_of_orphans(context)
    seen = await together(
        _observe_release(claim.coming, owner, stack, names, context) for claim in claims for owner, stack in claim.ours
    )
    releases = [release for release in seen if release is not None]
    formers = await together(_observe_former(claim, context) for claim in claims if not claim.is_held)
    transfers: dict[StackId, Transfer] = {}
    for source in dict.fromkeys(release.source for release in releases):
        transfers[source] = _let_go([release for release in releases if release.source == source])
    for taker in dict.fromkeys(one.stack.id for one in taken):
        imports = {one.logical_id: found for one, found in zip(taken, live, strict=True) if one.stack.id == taker}
        sources = {release.taken.logical_id: release.source for release in releases if release.taken.stack.id == taker}
        former = {
            one.logical_id: name for one, name in zip(taken, formers, strict=True) if one.stack.id == taker and name
        }
        transfers[taker] = replace(
            transfers.get(taker, NO_TRANSFER),
            imports=imports,
            sources=sources,
            former=former,
            is_only=_has_copies(imports.values(), context.deployment.skipped),
            is_exact=await is_exact(
                context.look.stacks.get(taker),
                context.look.templates.get(taker),
                (context.deployment.stack(taker).template,),
                context.clients,
            ),
        )
    return _with_orphans(context, releases, transfers)


async def _observe(one: Coming, context: _Context) -> LiveResource:
    """Return it as it stands, beside what its template says."""
    clients, site, stack = context.clients, one.stack.site, one.stack
    bound = bind_desired(stack, stack.account or context.look.account)
    wanted = bound.binding.value(properties_of(bound.template.resource(one.logical_id)))
    if one.type == GLOBAL_TABLE:
        lost = context.deployment.skipped
        found = await observe_table(clients, site, one.name, properties=wanted, stack_tags=stack.tags, lost=lost)
    else:
        makes = any(bound.resources("AWS::S3::BucketPolicy"))
        found = await observe_live_bucket(
            clients, site, one.name, properties=wanted, stack_tags=stack.tags, makes_policy=makes
        )
    if found is None:
        raise missing(one)
    return found


def _obstacles(one: Coming, found: LiveResource) -> list[Stopped]:
    return [Stopped(where=one.where, what=f"the {one.noun} {one.name}: {obstacle}") for obstacle in found.obstacles]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """Data that a stack of the deployment has and is to let go of."""

    source: StackId
    """The stack's id: the assembly's, or of one that the assembly no longer has the one that it had."""
    stack: ObservedStack
    logical_id: LogicalId
    taken: Coming
    template: object
    is_exact: bool
    literals: Mapping[str | None, str]
    policy: str | None
    type: str
    """By which the stack has it."""


async def _observe_release(
    one: Coming, owner: Owner, stack: ObservedStack, names: Mapping[str, StackId], context: _Context
) -> _Release | None:
    """Return what is let go of; None where the stack's template has it no more, whatever a listing says that lags."""
    look, clients = context.look, context.clients
    known = next((name for name, there in look.stacks.items() if there.arn == stack.arn), None)
    source = known or names[stack.arn]
    template = look.templates.get(source) if known else None
    template = template if template is not None else await observe_template(clients, stack)
    if not read_deployed(template, source).resource(owner.logical_id):
        return None
    with movable(source):
        refers = references_to(read_deployed(template, source), (owner.logical_id,))
    standing = await observe_policy(clients, stack)
    denied = standing and denial(standing, "Update:Delete", owner.logical_id, owner.type)
    return _Release(
        source=source,
        stack=stack,
        logical_id=owner.logical_id,
        taken=one,
        template=template,
        is_exact=await is_exact(stack, template, _known_texts(source, one, context), clients),
        literals=await _literals(one, owner, clients) if refers else {},
        policy=standing if denied else None,
        type=owner.type,
    )


def _has_copies(imports: Iterable[LiveResource], regions: Collection[Region]) -> bool:
    """Return whether any of it has a copy in one of the regions."""
    tables = (one.definition for one in imports if one.type == GLOBAL_TABLE)
    return any(region in regions for table in tables for region in replica_regions(table))


def _known_texts(source: StackId, taken: Coming, context: _Context) -> tuple[str, ...]:
    """Return the texts that are to come: of the stack itself, if it stays, and of the one that takes its data."""
    own = (one.template for one in context.deployment.stacks if one.id == source)
    return (*own, taken.stack.template)


async def _observe_former(claim: Claim, context: _Context) -> str:
    """Return who has released what no stack has any more: a stack of the deployment, or a region in a promotion."""
    one, look = claim.coming, context.look
    if claim.owners:
        return ""
    if claim.coming.is_promoted_by(context.promotion):
        return context.promotion.came_from if context.promotion is not None else ""
    stacks = [stack for stack in (*look.stacks.values(), *look.orphans) if stack.site.account == one.stack.account]
    former = await observe_former(one.name, OWNED_AS, stacks, context.clients)
    return "" if former is None else f"{former.region}/{former.name}"


def _names_of_orphans(context: _Context) -> dict[str, StackId]:
    """Return by what name each stack goes that the assembly no longer has, by its ARN: the one that it had, if it can.

    No two have one name, and none has that of its deletion, which comes after all else that is done to it.
    """
    deployment, look = context.deployment, context.look
    taken = {one.id for one in (*deployment.stacks, *deployment.left_out)} | look.stacks.keys()
    taken |= {StackId(f"{stack.region}/{stack.name}") for stack in look.orphans}
    names: dict[str, StackId] = {}
    for stack in sorted(look.orphans, key=lambda stack: stack.arn):
        had, own = stack.tags.get(TAG_STACK, ""), f"{stack.region}/{stack.name}-released"
        names[stack.arn] = next(
            name
            for name in map(StackId, (had, own, *(f"{own}-{n}" for n in range(2, len(look.orphans) + 2))))
            if name and name not in taken
        )
        taken.add(names[stack.arn])
    return names


async def _literals(one: Coming, owner: Owner, clients: Clients) -> dict[str | None, str]:
    """Return what references to it come to: by its logical id alone, and by its attributes.

    Sources, of return values:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
    if one.type == BUCKET:
        partition, name, region = owner.stack_arn.split(":")[1], one.name, owner.site.region
        domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return {
            None: name,
            "Arn": f"arn:{partition}:s3:::{name}",
            "DomainName": f"{name}.s3.{domain}",
            "RegionalDomainName": f"{name}.s3.{region}.{domain}",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.{domain}",
        }
    client = clients.of(owner.site).dynamodb(owner.site.region)
    table = (await call(one.where, client.describe_table, TableName=one.name))["Table"]
    said = {"Arn": table.get("TableArn"), "StreamArn": table.get("LatestStreamArn"), "TableId": table.get("TableId")}
    return {None: one.name, **{name: value for name, value in said.items() if value}}


def _let_go(releases: Sequence[_Release]) -> Transfer:
    policy = next((release.policy for release in releases if release.policy is not None), None)
    leaving: dict[str, str] = {release.logical_id: release.type for release in releases}
    others = read_deployed(releases[0].template, releases[0].source).resources().keys() - leaving.keys()
    return Transfer(
        releases={release.logical_id: release.taken.stack.id for release in releases},
        literals={
            (release.logical_id, attribute): value
            for release in releases
            for attribute, value in release.literals.items()
        },
        policy=policy,
        opened=open_for(policy, leaving, others) if policy is not None else "",
        is_exact=all(release.is_exact for release in releases),
    )


def _with_orphans(context: _Context, releases: Sequence[_Release], transfers: Mapping[StackId, Transfer]) -> Handovers:
    """Return all of it, with each stack that the assembly no longer has as it is to be without what it lets go of."""
    deployment, look = context.deployment, context.look
    added = {release.source: release for release in releases if release.source not in look.stacks}
    stacks = tuple(_without_data(release, transfers[source]) for source, release in added.items())
    return Handovers(
        deployment=_imported_last(
            replace(deployment, stacks=(*deployment.stacks, *stacks), leaving=tuple(added)), transfers
        ),
        look=replace(
            look,
            stacks={**look.stacks, **{source: release.stack for source, release in added.items()}},
            templates={**look.templates, **{source: release.template for source, release in added.items()}},
        ),
        transfers=transfers,
        promotion=context.promotion,
    )


def _imported_last(deployment: Deployment, transfers: Mapping[StackId, Transfer]) -> Deployment:
    """Return the deployment, what is imported beside a lost region after all else, and nothing waiting for it.

    Whether CloudFormation imports a table while a region of its replicas is lost is unverified; and the data is there.
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
        deployed = text_deployed(release.template, release.source, is_exact=transfer.is_exact)
        text = without(released(deployed, names, transfer.literals), names)
    return as_deployed(release.source, stack, text)


def as_deployed(name: StackId, stack: ObservedStack, text: str) -> DesiredStack:
    """Return a stack that the assembly does not have as one that is to have this template, and all else as it is."""
    return DesiredStack(
        id=name,
        region=stack.region,
        name=stack.name,
        template=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parameters={name: PreviousValue() for name in stack.parameters},
        capabilities=stack.capabilities,
        needs=(),
        tags=dict(stack.tags),
        account=stack.site.account,
    )
