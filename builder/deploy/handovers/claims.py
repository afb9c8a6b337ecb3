"""Data that stacks are about to create and that stands already: which stacks list it, and whether somebody meant it.

It is read from AWS before anything is planned. Meant is what dr.yaml calls `existing`, and the table of a promotion
that is under way; everything else is refused with what leads on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.assembly.bound import Bound, bind_stack
from builder.aws import Clients, call, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.observe.live import Owner, observe_owner
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.promotion import Promotion
from builder.deploy.resources.global_table import replica_regions
from builder.errors import AwsError, Stopped, gathered
from builder.resource_types import GLOBAL_TABLE, TAKEN_IN
from builder.template import properties_of, read_deployed, read_template
from builder.terms import AccountId, LogicalId, Operation, Region, Site


@dataclass(frozen=True, slots=True)
class Coming:
    """A table or bucket that a stack of the assembly has and the deployed template has not."""

    stack: DesiredStack
    logical_id: LogicalId
    type: str
    name: str
    """Its physical name."""
    regions: tuple[Region, ...] = ()
    """Of a table those that its replicas are to be in."""

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

    def is_promoted_by(self, promotion: Promotion | None) -> bool:
        """Return whether a promotion takes it to its stack's region."""
        return promotion is not None and self.type == GLOBAL_TABLE and self.stack.region == promotion.to


@dataclass(frozen=True, slots=True)
class Claim:
    """Data that stands, and who has it."""

    coming: Coming
    ours: tuple[tuple[Owner, ObservedStack], ...]
    """The stacks of the deployment that list it, beside the one that is to have it."""
    owners: tuple[Owner, ...]
    """Every stack that lists it, beside that one."""
    own: Owner | None
    """That one, where it lists it already."""
    regions: tuple[Region, ...] = ()
    """Those that it is in."""
    is_held: bool = False
    """The stack that is to have it has it already, beside another."""

    @property
    def foreign(self) -> tuple[Owner, ...]:
        """Those of them that are not the deployment's."""
        known = {owner.stack_arn for owner, _ in self.ours}
        return tuple(owner for owner in self.owners if owner.stack_arn not in known)


async def find_claims(
    deployment: Deployment, look: ObservedDeployment, clients: Clients, promotion: Promotion | None
) -> tuple[Claim, ...]:
    """Return what stands that a stack is about to create, and tables that two stacks list; each meant by somebody.

    Raises Stopped, with every reason, where data stands that nobody meant.
    """
    coming = [one for stack in deployment.stacks for one in _coming(stack, look)]
    twice = _held_twice(deployment, look)
    there = await together(_regions_of(one, one.stack.region, clients) for one in (*coming, *twice))
    found = list(zip((*coming, *twice), there, strict=True))
    lacking = [one for one, regions in found[: len(coming)] if not regions]
    others = await together(_stands_elsewhere(one, deployment, promotion, clients) for one in lacking)
    if faults := [fault for one, where in zip(lacking, others, strict=True) if (fault := _lacks(one, where))]:
        raise gathered(faults)
    standing = [(one, regions) for one, regions in found if regions]
    owners = await together(_owners(one, regions, deployment, clients) for one, regions in standing)
    claims = [
        _claim(one, regions, listed, look, is_held=one in twice)
        for (one, regions), listed in zip(standing, owners, strict=True)
    ]
    # Of a failed creation that has it itself its deletion tells.
    claims = [claim for claim in claims if claim.own is None or not _is_made_anew(claim.coming.stack, look)]
    claims = [claim for claim in claims if not claim.is_held or claim.ours]
    shared = [fault for claim in claims if (fault := _shared(claim, claims, deployment, look)) is not None]
    if faults := shared or [fault for claim in claims if (fault := _fault(claim, promotion)) is not None]:
        raise gathered(faults)
    return tuple(claims)


def _coming(stack: DesiredStack, look: ObservedDeployment) -> Iterator[Coming]:
    """Yield what a stack of the assembly would create of data, be it anew after a failure."""
    deployed = look.templates.get(stack.id) if not _is_made_anew(stack, look) else None
    stands = read_deployed(deployed, stack.id).resources(*TAKEN_IN) if deployed is not None else {}
    yield from (one for one in _named(stack, look.account) if one.logical_id not in stands)


def _is_made_anew(stack: DesiredStack, look: ObservedDeployment) -> bool:
    observed = look.stacks.get(stack.id)
    return observed is not None and observed.facts.exists and observed.facts.operation is Operation.REBUILD


def _named(stack: DesiredStack, account: AccountId) -> Iterator[Coming]:
    """Yield every table and bucket of a stack whose name is known."""
    if not any(type_name in stack.template for type_name in TAKEN_IN):
        return
    own = stack.account or account
    bound = bind_desired(stack, own)
    for logical_id, body in bound.made(bound.template.resources(*TAKEN_IN)):
        if name := bound.name_of(body):
            yield Coming(
                stack,
                LogicalId(logical_id),
                str(body.get("Type")),
                name.replace("${AWS::AccountId}", own),
                tuple(map(Region, replica_regions(bound.binding.value(properties_of(body))))),
            )


def bind_desired(stack: DesiredStack, account: AccountId) -> Bound:
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


async def _regions_of(one: Coming, region: Region, clients: Clients) -> tuple[Region, ...]:
    """Return the regions that it is in, seen from one; none where it is not there.

    A bucket that is another account's is not ours to take in: only AWS can say more.
    """
    session = clients.of(one.stack.site)
    try:
        if one.type == GLOBAL_TABLE:
            table = (await call(one.where, session.dynamodb(region).describe_table, TableName=one.name))["Table"]
            others = [Region(replica["RegionName"]) for replica in table.get("Replicas", [])]
            return () if table.get("TableStatus") == "DELETING" else tuple(dict.fromkeys((region, *others)))
        await call(one.where, session.s3(region).head_bucket, Bucket=one.name)
    except AwsError as error:
        if error.code in _ELSEWHERE:
            # Of one that is said to stand the look at it tells what is in the way.
            return (region,) if one.is_existing else ()
        if error.code in _NOT_THERE:
            return ()
        raise
    return (region,)


_NOT_THERE = frozenset({"ResourceNotFoundException", "404", "NoSuchBucket"})
_ELSEWHERE = frozenset({"403", "301"})


async def _stands_elsewhere(
    one: Coming, deployment: Deployment, promotion: Promotion | None, clients: Clients
) -> tuple[Region, ...]:
    """Return the regions in which a table stands that is to have a replica there.

    Unless it is said to stand somewhere, no region is asked that has nothing else of the deployment.
    """
    if one.type != GLOBAL_TABLE:
        return ()
    is_said = one.is_existing or one.is_promoted_by(promotion)
    asked = set(one.regions) if is_said else {*deployment.regions, *deployment.empty_regions}
    regions = [region for region in one.regions if region in asked - {one.stack.region, *deployment.skipped}]
    there = await together(_regions_of(one, region, clients) for region in regions)
    return tuple(region for region, found in zip(regions, there, strict=True) if found)


async def _owners(
    one: Coming, regions: Sequence[Region], deployment: Deployment, clients: Clients
) -> tuple[Owner, ...]:
    """Return every stack that lists it, its own too: a table may be listed in each of its regions, unwarned."""
    sites = (Site(one.stack.account, region) for region in regions if region not in deployment.skipped)
    found = await together(observe_owner(clients, site, one.name) for site in sites)
    return tuple(owner for owner in found if owner is not None)


def _claim(
    one: Coming, regions: tuple[Region, ...], owners: Sequence[Owner], look: ObservedDeployment, *, is_held: bool
) -> Claim:
    place = (one.stack.site, one.stack.name)
    others = tuple(owner for owner in owners if (owner.site, owner.stack_name) != place)
    own = next((owner for owner in owners if owner not in others), None)
    return Claim(one, _ours(others, look), others, own, regions, is_held=is_held)


def _ours(owners: Sequence[Owner], look: ObservedDeployment) -> tuple[tuple[Owner, ObservedStack], ...]:
    known = {stack.arn: stack for stack in (*look.stacks.values(), *look.orphans)}
    # A nested stack is not updated by itself: its parent's template has to let go of what is in it.
    ours = (owner for owner in owners if owner.parent is None)
    return tuple((owner, known[owner.stack_arn]) for owner in ours if owner.stack_arn in known)


def _lacks(one: Coming, others: Sequence[Region]) -> Stopped | None:
    """Return why what does not stand in its stack's region cannot be created there, or taken in; None where it can."""
    if others:
        where, own = ", ".join(others), one.stack.region
        return Stopped(
            where=one.where,
            what=f"the table {one.name} stands in {where}, and not in {own}: creating it would fail, and what is in it "
            f"would stay in {where}",
            next_step=f"with {others[0]} as the primary region its stack takes the table in, or has it, and adds a "
            f"replica in {own}; after that python -m builder promote {own} moves it, where that is meant",
        )
    return missing(one) if one.is_existing else None


def missing(one: Coming) -> Stopped:
    """Return the refusal of what dr.yaml says to exist and does not."""
    return Stopped(
        where=one.where,
        what=f"`existing` names the {one.noun} {one.name}, and none of that name stands in {one.stack.region}",
        next_step="take `existing` out of dr.yaml, where the table or bucket is to be created",
    )


def _fault(claim: Claim, promotion: Promotion | None) -> Stopped | None:
    """Return why what stands is not taken in; None where somebody said that it is."""
    one = claim.coming
    if claim.own is not None and not claim.is_held:
        return _renamed(one, claim.own)
    promoted = one.is_promoted_by(promotion)
    if (one.is_existing or promoted) and not claim.foreign:
        return None
    if claim.foreign and (one.is_existing or promoted):
        return _has_owner(one, claim.foreign[0])
    moved = next((owner for owner, _ in claim.ours if owner.site.region != one.stack.region), None)
    if moved is not None:
        twice = ", and two stacks that list one table revert each other" if claim.is_held else ""
        return Stopped(
            where=one.where,
            what=f"the table {one.name} is {moved.site.region}/{moved.stack_name}'s: a primary region that is another "
            f"in dr.yaml moves no data{twice}",
            next_step=f"python -m builder promote {one.stack.region}    moves the table from stack to stack and "
            f"loses nothing; with dr.yaml as it was, it makes {one.stack.region} the primary",
        )
    has = f", in the stack {claim.owners[0].stack_name} of {claim.owners[0].site.region}" if claim.owners else ""
    nobody = "" if claim.owners else f": no stack of {', '.join(claim.regions)} has it"
    goes_on = f"; where a promotion was under way, python -m builder promote {one.stack.region} goes on with it"
    goes_on = goes_on if one.type == GLOBAL_TABLE and not claim.owners else ""
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is there already{has}{nobody}, and creating it would fail",
        next_step=f"existing: {one.name}    under it in dr.yaml takes it in with its data; or another name{goes_on}",
    )


def _shared(claim: Claim, claims: Sequence[Claim], deployment: Deployment, look: ObservedDeployment) -> Stopped | None:
    """Return the refusal of what another stack of the assembly is to have as well, or to keep."""
    one = claim.coming
    if claim.is_held:
        return None
    others = [other.coming.where for other in claims if other.coming.stack.id != one.stack.id and _is_one(claim, other)]
    ids = {stack.arn: name for name, stack in look.stacks.items()}
    desired = {stack.id: stack for stack in deployment.stacks}
    for owner, _ in claim.ours:
        keeper = ids.get(owner.stack_arn)
        if keeper in desired and read_template(desired[keeper].template, keeper).resource(owner.logical_id):
            others.append(f"{keeper}/{owner.logical_id}")
    if not others:
        return None
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is to be in this stack and as {', '.join(others)} too: each would revert the "
        "other, so one of them alone can have it",
        next_step="take it out of all templates but one; what refers to it elsewhere says its name",
    )


def _is_one(claim: Claim, other: Claim) -> bool:
    """Return whether two claims are of one and the same; tables of one name may be others in each region."""
    one, two = claim.coming, other.coming
    if (one.type, one.name, one.stack.account) != (two.type, two.name, two.stack.account):
        return False
    return one.type != GLOBAL_TABLE or two.stack.region in claim.regions


def _renamed(one: Coming, own: Owner) -> Stopped:
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is {own.logical_id} ({own.type}) of this very stack: under another logical "
        "id, or by another type, it would be created again, and its name is taken",
        next_step=f"{own.logical_id} as its logical id, with the type {own.type}, leaves it as it is; or another name",
    )


def _has_owner(one: Coming, owner: Owner) -> Stopped:
    region, stack, name = owner.site.region, owner.stack_name, owner.logical_id
    whose = "nested in another" if owner.parent is not None else "not this deployment's"
    return Stopped(
        where=one.where,
        what=f"the {one.noun} {one.name} is in the stack {stack} of {region}, which is {whose}. "
        "Its owner has to let go of it first:\n"
        f"  1. in its template, {name}: DeletionPolicy: Retain and UpdateReplacePolicy: Retain, and the name or ARN "
        f"itself in the place of each reference to {name}; deployed\n"
        f"  2. {name} taken out of its template; deployed, by a change set that shows Remove with PolicyAction Retain",
        next_step=f"aws cloudformation describe-stack-resources --region {region} --physical-resource-id {one.name}"
        "    tells when no stack has it any more; then plan again",
    )
