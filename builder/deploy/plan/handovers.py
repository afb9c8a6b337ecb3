"""Who has the data that stacks are about to create, and what of it is to change hands: read from AWS, then planned.

A table or bucket that a stack of the assembly would create and that is there already is imported where somebody said
so: `existing` in dr.yaml, or a promotion. Whichever stack of the deployment has it lets go of it first, be it one that
the assembly no longer has. Everything else is refused here, with what leads on.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.assembly.bound import Bound, bind_stack
from builder.assembly.manifest import PreviousValue
from builder.aws import Clients, call, together
from builder.deploy.desired import TAG_STACK, Deployment, DesiredStack
from builder.deploy.observe.deployment import ObservedDeployment, observe_deployment
from builder.deploy.observe.live import LiveResource, Owner, observe_live_bucket, observe_owner, observe_table
from builder.deploy.observe.stacks import ObservedStack, observe_policy, observe_template
from builder.deploy.plan.change_set import template_of
from builder.deploy.plan.saved import TrustedInput, narrowed
from builder.deploy.plan.transfers import NO_TRANSFER, Transfer, movable, text_deployed
from builder.deploy.progress import Emit
from builder.deploy.promotion import Promotion
from builder.deploy.records import Plan
from builder.errors import AwsError, Stopped, gathered
from builder.resource_types import BUCKET, GLOBAL_TABLE
from builder.template import (
    as_shown,
    denial,
    properties_of,
    read_deployed,
    read_template,
    references_to,
    released,
    without,
)
from builder.terms import AccountId, LogicalId, Operation, Region, Site, StackId


@dataclass(frozen=True, slots=True)
class Coming:
    """A table or bucket that a stack of the assembly has and the deployed template has not."""

    stack: DesiredStack
    logical_id: LogicalId
    type: str
    name: str
    """Its physical name."""

    @property
    def where(self) -> str:
        """How it is named in messages and by `--allow`."""
        return f"{self.stack.id}/{self.logical_id}"

    @property
    def noun(self) -> str:
        """What it is called."""
        return "table" if self.type == GLOBAL_TABLE else "bucket"

    @property
    def is_existing(self) -> bool:
        """Whether dr.yaml says that it stands already."""
        return self.logical_id in self.stack.existing


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers:
    """A deployment with the stacks that let go of data it imports, what stands of it, and what changes hands."""

    deployment: Deployment
    look: ObservedDeployment
    transfers: Mapping[StackId, Transfer] = field(default_factory=dict)
    promotion: Promotion | None = None

    def has_moved(self, stack: ObservedStack) -> bool:
        """Return whether a stack that the assembly no longer has is in the promoted region by now, or will be."""
        component = stack.tags.get(TAG_STACK, "").partition("/")[2]
        ids = {one.id for one in self.deployment.stacks}
        return self.promotion is not None and f"{self.promotion.to}/{component}" in ids

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
    coming = tuple(one for stack in deployment.stacks for one in _coming(stack, look))
    there = await together(_stands(one, clients) for one in coming)
    faults = [_missing(one) for one, stands in zip(coming, there, strict=True) if one.is_existing and not stands]
    standing = [one for one, stands in zip(coming, there, strict=True) if stands]
    if faults:
        raise gathered(faults)
    standing += _held_twice(deployment, look)
    if not standing:
        return Handovers(deployment=deployment, look=look, promotion=promotion)
    owners = await together(_owners(one, deployment, clients) for one in standing)
    claims = [_Claim(one, _ours(found, look), found) for one, found in zip(standing, owners, strict=True)]
    claims = [claim for claim in claims if claim.coming in coming or claim.ours]
    if faults := [fault for claim in claims if (fault := _fault(claim, coming, promotion)) is not None]:
        raise gathered(faults)
    return await _hand_over(claims, coming, _Context(deployment, look, clients, promotion))


async def with_handovers(plan: Plan, trusted: TrustedInput, clients: Clients, emit: Emit) -> TrustedInput:
    """Return what an execution knows by itself, with what changes hands in the plan, read from AWS once more.

    A stack that the assembly no longer has and that has let go of its data by now stays as it is.
    """
    known = {stack.id for stack in trusted.deployment.stacks}
    others = [step for step in plan.change_sets if step.stack not in known]
    if trusted.promotion is None and not any(stack.existing for stack in trusted.deployment.stacks):
        return trusted
    if not others and not any(step.type == "IMPORT" for step in plan.change_sets):
        return trusted
    deployment = narrowed(plan, trusted.deployment)
    look = await observe_deployment(deployment, clients, emit)
    handed = await observe_handovers(deployment, look, clients, trusted.promotion)
    wanted = {(step.site, step.name): step.stack for step in others} if trusted.promotion is not None else {}
    named = {stack.id for stack in handed.deployment.stacks}
    done = [stack for stack in look.orphans if wanted.get((stack.site, stack.name), "") not in {"", *named}]
    templates = await together(observe_template(clients, stack) for stack in done)
    stay = tuple(
        as_deployed(wanted[stack.site, stack.name], stack, as_shown(template))
        for stack, template in zip(done, templates, strict=True)
    )
    leaving = (*handed.deployment.leaving, *(stack.id for stack in stay))
    deployment = replace(handed.deployment, stacks=(*handed.deployment.stacks, *stay), leaving=leaving)
    return replace(trusted, deployment=deployment, transfers=handed.transfers)


@dataclass(frozen=True, slots=True)
class _Claim:
    """Data that stands, and who has it."""

    coming: Coming
    ours: tuple[tuple[Owner, ObservedStack], ...]
    """The stacks of the deployment that list it, beside the one that is to have it."""
    owners: tuple[Owner, ...]
    """Every stack that lists it, beside that one."""

    @property
    def foreign(self) -> tuple[Owner, ...]:
        known = {owner.stack_arn for owner, _ in self.ours}
        return tuple(owner for owner in self.owners if owner.stack_arn not in known)


def _coming(stack: DesiredStack, look: ObservedDeployment) -> Iterator[Coming]:
    """Yield what a stack of the assembly would create of data; nothing of one that is made anew after a failure."""
    observed = look.stacks.get(stack.id)
    if observed is not None and observed.facts.exists and observed.facts.operation is Operation.REBUILD:
        return
    deployed = look.templates.get(stack.id)
    stands = read_deployed(deployed, stack.id).resources(GLOBAL_TABLE, BUCKET) if deployed is not None else {}
    yield from (one for one in _named(stack, look.account) if one.logical_id not in stands)


def _named(stack: DesiredStack, account: AccountId) -> Iterator[Coming]:
    """Yield every table and bucket of a stack whose name is known."""
    own = stack.account or account
    bound = _bound(stack, own)
    for logical_id, body in bound.made(bound.template.resources(GLOBAL_TABLE, BUCKET)):
        if name := bound.name_of(body):
            yield Coming(stack, LogicalId(logical_id), str(body.get("Type")), name.replace("${AWS::AccountId}", own))


def _bound(stack: DesiredStack, account: AccountId) -> Bound:
    """Return a stack's template with its values, the account's number among them."""
    text = stack.template.replace("${AWS::AccountId}", account)
    return bind_stack(read_template(text, stack.id), stack.name, stack.region, stack.parameters)


def _held_twice(deployment: Deployment, look: ObservedDeployment) -> list[Coming]:
    """Return the tables that a stack has by now and an orphan of another region may list still."""
    regions = {orphan.region for orphan in look.orphans}
    return [
        one
        for stack in deployment.stacks
        if stack.id in look.templates and regions - {stack.region}
        for one in _named(stack, look.account)
        if one.type == GLOBAL_TABLE and one.logical_id in read_deployed(look.templates[stack.id], stack.id).resources()
    ]


async def _stands(one: Coming, clients: Clients) -> bool:
    """Return whether it is there; of a bucket that is another account's only AWS can say more."""
    session = clients.of(one.stack.site)
    try:
        if one.type == GLOBAL_TABLE:
            client = session.dynamodb(one.stack.region)
            answer = await call(one.where, client.describe_table, TableName=one.name)
            return answer["Table"].get("TableStatus") != "DELETING"
        await call(one.where, session.s3(one.stack.region).head_bucket, Bucket=one.name)
    except AwsError as error:
        if error.code in _NOT_THERE:
            return False
        raise
    return True


_NOT_THERE = frozenset({"ResourceNotFoundException", "404", "NoSuchBucket", "403", "301"})


async def _owners(one: Coming, deployment: Deployment, clients: Clients) -> tuple[Owner, ...]:
    """Return every stack that lists it beside its own: a table may be listed in each of its regions, unwarned."""
    regions: Iterable[Region] = (one.stack.region,)
    if one.type == GLOBAL_TABLE:
        regions = dict.fromkeys((one.stack.region, *deployment.regions, *deployment.empty_regions))
    sites = (Site(one.stack.account, region) for region in regions if region not in deployment.skipped)
    found = await together(observe_owner(clients, site, one.name) for site in sites)
    own = (one.stack.site, one.stack.name)
    return tuple(owner for owner in found if owner is not None and (owner.site, owner.stack_name) != own)


def _ours(owners: Sequence[Owner], look: ObservedDeployment) -> tuple[tuple[Owner, ObservedStack], ...]:
    known = {stack.arn: stack for stack in (*look.stacks.values(), *look.orphans)}
    return tuple((owner, known[owner.stack_arn]) for owner in owners if owner.stack_arn in known)


def _missing(one: Coming) -> Stopped:
    return Stopped(
        where=one.where,
        what=f"`existing` names the {one.noun} {one.name}, and none of that name stands in {one.stack.region}",
        next_step="take `existing` out of dr.yaml, where the table or bucket is to be created",
    )


def _fault(claim: _Claim, coming: Sequence[Coming], promotion: Promotion | None) -> Stopped | None:
    """Return why what stands is not taken in; None where somebody said that it is."""
    one = claim.coming
    promoted = promotion is not None and one.type == GLOBAL_TABLE
    if (one.is_existing or promoted) and not claim.foreign:
        return None
    if claim.foreign and (one.is_existing or promoted):
        return _has_owner(one, claim.foreign[0])
    moved = next((owner for owner, _ in claim.ours if owner.site.region != one.stack.region), None)
    if moved is not None:
        twice = "" if one in coming else ", and two stacks that list one table revert each other"
        return Stopped(
            where=one.where,
            what=f"the table {one.name} is {moved.site.region}/{moved.stack_name}'s: a primary region that is another "
            f"in dr.yaml moves no data{twice}",
            next_step=f"python -m builder promote {one.stack.region}    moves the table from stack to stack and "
            f"loses nothing; with dr.yaml as it was, it makes {one.stack.region} the primary",
        )
    has = f", in the stack {claim.owners[0].stack_name} of {claim.owners[0].site.region}" if claim.owners else ""
    nobody = "" if claim.owners else ": no stack of the deployment's regions has it"
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is there already{has}{nobody}, and creating it would fail",
        next_step=f"existing: {one.name}    under it in dr.yaml takes it in with its data; or another name; "
        f"where a promotion was under way, python -m builder promote {one.stack.region} goes on with it",
    )


def _has_owner(one: Coming, owner: Owner) -> Stopped:
    region, stack, name = owner.site.region, owner.stack_name, owner.logical_id
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is in the stack {stack} of {region}, which is not this deployment's. "
        "Its owner has to let go of it first:\n"
        f"  1. in its template, {name}: DeletionPolicy: Retain and UpdateReplacePolicy: Retain, and the name or ARN "
        f"itself in the place of each reference to {name}; deployed\n"
        f"  2. {name} taken out of its template; deployed, by a change set that shows Remove with PolicyAction Retain",
        next_step=f"aws cloudformation describe-stack-resources --region {region} --physical-resource-id {one.name}"
        "    tells when no stack has it any more; then plan again",
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What claims are settled in."""

    deployment: Deployment
    look: ObservedDeployment
    clients: Clients
    promotion: Promotion | None


async def _hand_over(claims: Sequence[_Claim], coming: Sequence[Coming], context: _Context) -> Handovers:
    taken = [claim.coming for claim in claims if claim.coming in coming]
    live = await together(_observe(one, context) for one in taken)
    if obstacles := [fault for one, found in zip(taken, live, strict=True) for fault in _obstacles(one, found)]:
        raise gathered(obstacles)
    releases = await together(
        _observe_release(claim.coming, owner, stack, context) for claim in claims for owner, stack in claim.ours
    )
    transfers: dict[StackId, Transfer] = {}
    for source in dict.fromkeys(release.source for release in releases):
        transfers[source] = _let_go([release for release in releases if release.source == source])
    begun = context.promotion.came_from if context.promotion is not None else ""
    for taker in dict.fromkeys(one.stack.id for one in taken):
        imports = {one.logical_id: found for one, found in zip(taken, live, strict=True) if one.stack.id == taker}
        sources = {release.taken.logical_id: release.source for release in releases if release.taken.stack.id == taker}
        before, observed = transfers.get(taker, NO_TRANSFER), context.look.stacks.get(taker)
        is_exact = observed is not None and await _is_exact(
            observed, context.look.templates.get(taker), context.clients
        )
        transfers[taker] = replace(before, imports=imports, sources=sources, promoted_from=begun, is_exact=is_exact)
    return _with_orphans(context, releases, transfers)


async def _observe(one: Coming, context: _Context) -> LiveResource:
    """Return it as it stands, beside what its template says."""
    clients, site, stack = context.clients, one.stack.site, one.stack
    bound = _bound(stack, stack.account or context.look.account)
    wanted = bound.binding.value(properties_of(bound.template.resource(one.logical_id)))
    if one.type == GLOBAL_TABLE:
        lost = context.deployment.skipped
        found = await observe_table(clients, site, one.name, wanted=wanted, stack_tags=stack.tags, lost=lost)
    else:
        makes = any(bound.resources("AWS::S3::BucketPolicy"))
        found = await observe_live_bucket(
            clients, site, one.name, wanted=wanted, stack_tags=stack.tags, makes_policy=makes
        )
    if found is None:
        raise _missing(one)
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


async def _observe_release(one: Coming, owner: Owner, stack: ObservedStack, context: _Context) -> _Release:
    look, clients = context.look, context.clients
    known = next((name for name, there in look.stacks.items() if there.arn == stack.arn), None)
    source = known or _id_of(stack, look)
    template = look.templates.get(source) if known else None
    template = template if template is not None else await observe_template(clients, stack)
    with movable(source):
        refers = references_to(read_deployed(template, source), (owner.logical_id,))
    standing = await observe_policy(clients, stack)
    denied = standing and denial(standing, "Update:Delete", owner.logical_id, one.type)
    return _Release(
        source=source,
        stack=stack,
        logical_id=owner.logical_id,
        taken=one,
        template=template,
        is_exact=await _is_exact(stack, template, clients),
        literals=await _literals(one, owner, clients) if refers else {},
        policy=standing if denied else None,
    )


async def _is_exact(stack: ObservedStack, template: object, clients: Clients) -> bool:
    """Return whether a deployed template is what was sent, to the character.

    The change set that one of our plans deployed it with says its digest; without a `?` in it nothing is hidden.
    """
    if not isinstance(template, str) or "?" not in template or stack.change_set is None:
        return isinstance(template, str) and "?" not in template
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        answer = await call(stack.name, client.describe_change_set, ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return False
        raise
    return template_of(answer.get("Description", "")) == hashlib.sha256(template.encode()).hexdigest()


def _id_of(stack: ObservedStack, look: ObservedDeployment) -> StackId:
    tagged = StackId(stack.tags.get(TAG_STACK, ""))
    return tagged if tagged and tagged not in look.stacks else StackId(f"{stack.region}/{stack.name}")


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
    return Transfer(
        releases={release.logical_id: release.taken.stack.id for release in releases},
        literals={
            (release.logical_id, attribute): value
            for release in releases
            for attribute, value in release.literals.items()
        },
        policy=next((release.policy for release in releases if release.policy is not None), None),
        is_exact=all(release.is_exact for release in releases),
    )


def _with_orphans(context: _Context, releases: Sequence[_Release], transfers: Mapping[StackId, Transfer]) -> Handovers:
    """Return all of it, with each stack that the assembly no longer has as it is to be without what it lets go of."""
    deployment, look = context.deployment, context.look
    added = {release.source: release for release in releases if release.source not in look.stacks}
    stacks = tuple(_without_data(release, transfers[source]) for source, release in added.items())
    return Handovers(
        deployment=replace(deployment, stacks=(*deployment.stacks, *stacks), leaving=tuple(added)),
        look=replace(
            look,
            stacks={**look.stacks, **{source: release.stack for source, release in added.items()}},
            templates={**look.templates, **{source: release.template for source, release in added.items()}},
        ),
        transfers=transfers,
        promotion=context.promotion,
    )


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
