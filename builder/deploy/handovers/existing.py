"""Existing data that stacks are about to create: which stacks list it, and whether its import is intended.

It is read from AWS before anything is planned. The import is intended of what dr.yaml calls `existing`, and of the
table of a promotion that is under way; everything else is refused, with a remedy.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from builder.resource_types.facts import name_property
from builder.resource_types.fate import fate_on_deletion
from builder.template import in_account, properties_of, read_deployed, read_template
from builder.terms import AccountId, LogicalId, Operation, Region, Site


@dataclass(frozen=True, slots=True)
class DesiredData:
    """A table or bucket that a stack of the assembly has and the deployed template does not."""

    stack: DesiredStack
    logical_id: LogicalId
    type: str
    name: str
    """Its physical name."""
    regions: tuple[Region, ...] = ()
    """The regions of a table's replicas."""

    @property
    def where(self) -> str:
        """Its name in messages and in `--allow`."""
        return f"{self.stack.id}/{self.logical_id}"

    @property
    def noun(self) -> str:
        """Its kind, in messages."""
        return "table" if self.type == GLOBAL_TABLE else "bucket"

    @property
    def is_existing(self) -> bool:
        """Whether dr.yaml states that it exists already."""
        return self.logical_id in self.stack.existing

    def is_promoted_by(self, promotion: Promotion | None) -> bool:
        """Return whether a promotion moves it to its stack's region."""
        return promotion is not None and self.type == GLOBAL_TABLE and self.stack.region == promotion.to


@dataclass(frozen=True, slots=True)
class ExistingData:
    """Existing data, and the stacks that list it."""

    data: DesiredData
    ours: tuple[tuple[Owner, ObservedStack], ...]
    """The deployment's stacks that list it, without the stack that is to have it."""
    owners: tuple[Owner, ...]
    """Every stack that lists it, without the stack that is to have it."""
    own: Owner | None
    """The stack that is to have it, if it lists it already."""
    regions: tuple[Region, ...] = ()
    """The regions that it is in."""
    is_held: bool = False
    """Whether the stack that is to have it has it already, and another one lists it too."""

    @property
    def foreign(self) -> tuple[Owner, ...]:
        """The owners that are not stacks of the deployment."""
        known = {owner.stack_arn for owner, _ in self.ours}
        return tuple(owner for owner in self.owners if owner.stack_arn not in known)


async def find_existing(
    deployment: Deployment,
    deployed: ObservedDeployment,
    clients: Clients,
    promotion: Promotion | None,
    *,
    import_existing: bool = False,
) -> tuple[ExistingData, ...]:
    """Return the existing data that a stack is about to create, and the tables that two stacks list.

    Raises Stopped, with every reason, where data exists whose import is not intended.
    """
    to_create = [data for stack in deployment.stacks for data in _data_to_create(stack, deployed)]
    twice = _held_twice(deployment, deployed)
    there = await together(_regions_of(data, data.stack.region, clients) for data in (*to_create, *twice))
    candidates = list(zip((*to_create, *twice), there, strict=True))
    lacking = [data for data, regions in candidates[: len(to_create)] if not regions]
    others = await together(_other_regions(data, deployment, promotion, clients) for data in lacking)
    if faults := [fault for data, where in zip(lacking, others, strict=True) if (fault := _lacks(data, where))]:
        raise gathered(faults)
    with_regions = [(data, regions) for data, regions in candidates if regions]
    owners = await together(_owners(data, regions, deployment, clients) for data, regions in with_regions)
    listed = [
        _existing(data, regions, listing, deployed, is_held=data in twice)
        for (data, regions), listing in zip(with_regions, owners, strict=True)
    ]
    concerned = tuple(
        existing for existing in listed if _is_of_concern(existing, deployed, import_existing=import_existing)
    )
    shared = [
        fault for existing in concerned if (fault := _shared(existing, concerned, deployment, deployed)) is not None
    ]
    faults = [fault for existing in concerned if (fault := _fault(existing, deployment, promotion)) is not None]
    if shared or faults:
        raise gathered(shared or faults)
    return concerned


def _is_of_concern(existing: ExistingData, deployed: ObservedDeployment, *, import_existing: bool) -> bool:
    """Return whether anything is to be decided of existing data."""
    if existing.own is not None and _is_made_anew(existing.data.stack, deployed):
        # A failed creation that lists the data itself is deleted, and its deletion reports the data.
        return False
    if existing.is_held:
        return bool(existing.ours)
    # The change set shows such an import, and its execution does it.
    return not (import_existing and not existing.owners and is_importable(existing.data))


def is_importable(data: DesiredData) -> bool:
    """Return whether `--import-existing` has CloudFormation import it: named in plain text, and retained.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    """
    body = read_template(data.stack.template, data.stack.id).resource(data.logical_id)
    is_plain = isinstance(properties_of(body).get(name_property(data.type)), str)
    return is_plain and fate_on_deletion(body) == "Retain" and not data.is_existing


def _data_to_create(stack: DesiredStack, deployed: ObservedDeployment) -> Iterator[DesiredData]:
    """Yield the data that a stack of the assembly would create, also again after a failed creation."""
    template = deployed.templates.get(stack.id) if not _is_made_anew(stack, deployed) else None
    resources = read_deployed(template, stack.id).resources(*TAKEN_IN) if template is not None else {}
    yield from (data for data in _data_of(stack, deployed.account) if data.logical_id not in resources)


def _is_made_anew(stack: DesiredStack, deployed: ObservedDeployment) -> bool:
    observed = deployed.stacks.get(stack.id)
    return observed is not None and observed.facts.exists and observed.facts.operation is Operation.REBUILD


def _data_of(stack: DesiredStack, account: AccountId) -> Iterator[DesiredData]:
    """Yield every table and bucket of a stack whose name is known."""
    if not any(type_name in stack.template for type_name in TAKEN_IN):
        return
    own = stack.account or account
    bound = bind_desired(stack, own)
    for logical_id, body in bound.made(bound.template.resources(*TAKEN_IN)):
        if name := bound.name_of(body):
            yield DesiredData(
                stack,
                LogicalId(logical_id),
                str(body.get("Type")),
                in_account(name, own),
                tuple(map(Region, replica_regions(bound.binding.value(properties_of(body))))),
            )


def bind_desired(stack: DesiredStack, account: AccountId) -> Bound:
    """Return a stack's template with its values, including the account's number."""
    text = in_account(stack.template, account)
    return bind_stack(read_template(text, stack.id), stack.name, stack.region, stack.parameters)


def _held_twice(deployment: Deployment, deployed: ObservedDeployment) -> list[DesiredData]:
    """Return the tables that a stack has already and that an orphan of another region may still list."""
    regions = {orphan.region for orphan in deployed.orphans}
    return [
        data
        for stack in deployment.stacks
        if stack.id in deployed.templates and regions - {stack.region}
        for data in _data_of(stack, deployed.account)
        if data.type == GLOBAL_TABLE
        and data.logical_id in read_deployed(deployed.templates[stack.id], stack.id).resources()
    ]


async def _regions_of(data: DesiredData, region: Region, clients: Clients) -> tuple[Region, ...]:
    """Return the regions that data is in, read in one of them; none where it does not exist there.

    Raises Stopped for a bucket that exists and that these credentials may not see, unless dr.yaml states that it does.
    """
    session = clients.of(data.stack.site)
    try:
        if data.type == GLOBAL_TABLE:
            table = (await call(data.where, session.dynamodb(region).describe_table, TableName=data.name))["Table"]
            others = [Region(replica["RegionName"]) for replica in table.get("Replicas", [])]
            return () if table.get("TableStatus") == "DELETING" else tuple(dict.fromkeys((region, *others)))
        await call(data.where, session.s3(region).head_bucket, Bucket=data.name)
    except AwsError as error:
        if error.code in _OTHER_OWNER_OR_REGION:
            # dr.yaml states that it exists: reading it shows the obstacle.
            if data.is_existing:
                return (region,)
            raise _unseen_bucket(data, error) from error
        if error.code in _ABSENT:
            return ()
        raise
    return (region,)


def _unseen_bucket(data: DesiredData, error: AwsError) -> Stopped:
    """Return the refusal of a bucket's name that is taken; a name that is free is a 404, whatever one may see.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    hidden = "another account's, or one that these credentials may not see (s3:ListBucket)"
    whose = "in another region" if error.code == "301" else hidden
    return Stopped(
        where=data.where,
        what=f"the bucket {data.name} exists already, {whose}, and creating it would fail",
        next_step=f"another name for it; or aws s3api get-bucket-location --bucket {data.name}    where it is yours",
    )


_ABSENT = frozenset({"ResourceNotFoundException", "404", "NoSuchBucket"})
_OTHER_OWNER_OR_REGION = frozenset({"403", "301"})


async def _other_regions(
    data: DesiredData, deployment: Deployment, promotion: Promotion | None, clients: Clients
) -> tuple[Region, ...]:
    """Return the other regions of a table's replicas in which the table exists.

    Unless dr.yaml or a promotion states that it exists, only regions of the deployment are read.
    """
    if data.type != GLOBAL_TABLE:
        return ()
    is_meant = data.is_existing or data.is_promoted_by(promotion)
    to_read = set(data.regions) if is_meant else {*deployment.regions, *deployment.empty_regions}
    regions = [region for region in data.regions if region in to_read - {data.stack.region, *deployment.skipped}]
    there = await together(_regions_of(data, region, clients) for region in regions)
    return tuple(region for region, regions_of in zip(regions, there, strict=True) if regions_of)


async def _owners(
    data: DesiredData, regions: Sequence[Region], deployment: Deployment, clients: Clients
) -> tuple[Owner, ...]:
    """Return every stack that lists the data, in any of its regions, its own stack too."""
    sites = (Site(data.stack.account, region) for region in regions if region not in deployment.skipped)
    owners = await together(observe_owner(clients, site, data.name) for site in sites)
    return tuple(owner for owner in owners if owner is not None)


def _existing(
    data: DesiredData,
    regions: tuple[Region, ...],
    owners: Sequence[Owner],
    deployed: ObservedDeployment,
    *,
    is_held: bool,
) -> ExistingData:
    place = (data.stack.site, data.stack.name)
    others = tuple(owner for owner in owners if (owner.site, owner.stack_name) != place)
    own = next((owner for owner in owners if owner not in others), None)
    return ExistingData(data, _ours(others, deployed), others, own, regions, is_held=is_held)


def _ours(owners: Sequence[Owner], deployed: ObservedDeployment) -> tuple[tuple[Owner, ObservedStack], ...]:
    known = {stack.arn: stack for stack in (*deployed.stacks.values(), *deployed.orphans)}
    # A nested stack is only updated by its parent, whose template has to release the data.
    ours = (owner for owner in owners if owner.parent is None)
    return tuple((owner, known[owner.stack_arn]) for owner in ours if owner.stack_arn in known)


def _lacks(data: DesiredData, others: Sequence[Region]) -> Stopped | None:
    """Return why data missing in its stack's region cannot be created there or imported; None where it can."""
    if others:
        where, own = ", ".join(others), data.stack.region
        return Stopped(
            where=data.where,
            what=f"the table {data.name} stands in {where}, and not in {own}: creating it would fail, and what is in "
            f"it would stay in {where}",
            next_step=f"with {others[0]} as the primary region its stack takes the table in, or has it, and adds a "
            f"replica in {own}; after that python -m builder promote {own} moves it, where that is meant",
        )
    return missing(data) if data.is_existing else None


def missing(data: DesiredData) -> Stopped:
    """Return the refusal of data that dr.yaml states to exist and that does not."""
    return Stopped(
        where=data.where,
        what=f"`existing` names the {data.noun} {data.name}, and none of that name stands in {data.stack.region}",
        next_step="take `existing` out of dr.yaml, where the table or bucket is to be created",
    )


def _fault(existing: ExistingData, deployment: Deployment, promotion: Promotion | None) -> Stopped | None:
    """Return why existing data is not imported; None where its import is intended."""
    data = existing.data
    if existing.own is not None and not existing.is_held:
        return _renamed(data, existing.own)
    promoted = data.is_promoted_by(promotion)
    if (data.is_existing or promoted) and not existing.foreign:
        return None
    if existing.foreign and (data.is_existing or promoted):
        return _has_owner(data, existing.foreign[0])
    moved = next((owner for owner, _ in existing.ours if owner.site.region != data.stack.region), None)
    if moved is not None:
        twice = ", and two stacks that list one table revert each other" if existing.is_held else ""
        return Stopped(
            where=data.where,
            what=f"the table {data.name} is {moved.site.region}/{moved.stack_name}'s: a primary region that is another "
            f"in dr.yaml moves no data{twice}",
            next_step=f"python -m builder promote {data.stack.region}    moves the table from stack to stack and "
            f"loses nothing; with dr.yaml as it was, it makes {data.stack.region} the primary",
        )
    has = (
        f", in the stack {existing.owners[0].stack_name} of {existing.owners[0].site.region}" if existing.owners else ""
    )
    nobody = "" if existing.owners else f": no stack of {', '.join(existing.regions)} has it"
    goes_on = f"; where a promotion was under way, python -m builder promote {data.stack.region} goes on with it"
    goes_on = goes_on if data.type == GLOBAL_TABLE and not existing.owners else ""
    return Stopped(
        where=data.where,
        what=f"the {data.noun} {data.name} is there already{has}{nobody}, and creating it would fail",
        next_step=f"{_remedy(data, deployment)}{goes_on}",
    )


def _remedy(data: DesiredData, deployment: Deployment) -> str:
    """Return the remedy where data exists that a stack is to create.

    `existing` is for a table, and for the bucket of one region: in the other regions a system creates its own copies.
    """
    if is_importable(data):
        return "--import-existing    takes it in under the name that the template has in plain text; or another name"
    takes_in = f"existing: {data.name}    under it in dr.yaml takes it in with its data"
    region, pair = data.stack.region, _pair(data, deployment)
    if data.type == GLOBAL_TABLE or len(pair) < 2:
        return f"{takes_in}; or another name"
    named = next((other for other, stack in pair.items() if stack.existing), None)
    first = named or (deployment.roles.primary if deployment.roles is not None else region)
    if first == region:
        return f"{takes_in}, of this region's bucket alone: copies in other regions are made anew; or another name"
    born = "" if named else " (or of regions.born, where dr.yaml has that)"
    return (
        f"aws s3api delete-bucket --region {region} --bucket {data.name}    once it is empty, old versions included "
        f"(S3's console: Empty): it is made anew as the copy of {first}'s, and python -m builder backfill fills it. "
        f"`existing` takes in the bucket of {first} alone{born}: copy there first what only this one has"
    )


def _pair(data: DesiredData, deployment: Deployment) -> Mapping[Region, DesiredStack]:
    """Return the stacks with the buckets of this bucket's component, by region; empty where no component has it."""
    stacks = {stack.id: stack for stack in (*deployment.stacks, *deployment.left_out)}
    for component in deployment.components.values():
        names = component.bucket.names if component.bucket is not None else {}
        pair = {region: stacks[name.output[0]] for region, name in names.items() if name.output[0] in stacks}
        if data.stack.id in {stack.id for stack in pair.values()}:
            return pair
    return {}


def _shared(
    existing: ExistingData, existing_data: Sequence[ExistingData], deployment: Deployment, deployed: ObservedDeployment
) -> Stopped | None:
    """Return the refusal of data that another stack of the assembly is to have as well, or to keep."""
    data = existing.data
    if existing.is_held:
        return None
    others = [
        other.data.where
        for other in existing_data
        if other.data.stack.id != data.stack.id and _is_same_data(existing, other)
    ]
    ids = {stack.arn: name for name, stack in deployed.stacks.items()}
    desired = {stack.id: stack for stack in deployment.stacks}
    for owner, _ in existing.ours:
        keeper = ids.get(owner.stack_arn)
        if keeper in desired and read_template(desired[keeper].template, keeper).resource(owner.logical_id):
            others.append(f"{keeper}/{owner.logical_id}")
    if not others:
        return None
    return Stopped(
        where=data.where,
        what=f"the {data.noun} {data.name} is to be in this stack and as {', '.join(others)} too: each would revert "
        "the other, so one of them alone can have it",
        next_step="take it out of all templates but one; what refers to it elsewhere says its name",
    )


def _is_same_data(existing: ExistingData, other: ExistingData) -> bool:
    """Return whether two are the same data; tables of one name may be different ones in each region."""
    first, second = existing.data, other.data
    if (first.type, first.name, first.stack.account) != (second.type, second.name, second.stack.account):
        return False
    return first.type != GLOBAL_TABLE or second.stack.region in existing.regions


def _renamed(data: DesiredData, own: Owner) -> Stopped:
    return Stopped(
        where=data.where,
        what=f"the {data.noun} {data.name} is {own.logical_id} ({own.type}) of this very stack: under another logical "
        "id, or by another type, it would be created again, and its name is taken",
        next_step=f"{own.logical_id} as its logical id, with the type {own.type}, leaves it as it is; or another name",
    )


def _has_owner(data: DesiredData, owner: Owner) -> Stopped:
    region, stack, name = owner.site.region, owner.stack_name, owner.logical_id
    whose = "nested in another" if owner.parent is not None else "not this deployment's"
    return Stopped(
        where=data.where,
        what=f"the {data.noun} {data.name} is in the stack {stack} of {region}, which is {whose}. "
        "Its owner has to let go of it first:\n"
        f"  1. in its template, {name}: DeletionPolicy: Retain and UpdateReplacePolicy: Retain, and the name or ARN "
        f"itself in the place of each reference to {name}; deployed\n"
        f"  2. {name} taken out of its template; deployed, by a change set that shows Remove with PolicyAction Retain",
        next_step=f"aws cloudformation describe-stack-resources --region {region} --physical-resource-id {data.name}"
        "    tells when no stack has it any more; then plan again",
    )
