"""How a fleet stands: a row for each account, region and stack, its stacks' outputs, and what drifted.

Outputs are read in each account. Drift is by CloudFormation's own detection, set by set, which changes no stack; an
override is what an instance was made of, and no drift.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-drift.html
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from builder.aws import Clients, pages, together
from builder.deploy.change_sets.change_set import token
from builder.deploy.observe.stacks import unless_lagging
from builder.errors import AwsError, BuilderError
from builder.fleet.observe import (
    SetOperation,
    SetWatch,
    client_of,
    named,
    observe_instances,
    observe_operations,
    observe_results,
)
from builder.fleet.operation import begin_operation
from builder.fleet.progress import Failure, FleetEmit
from builder.fleet.records import Skipped, StackInstance, StackSet, skips
from builder.fleet.targets import in_accounts, observe_instance_stack, observe_states
from builder.state import DriftedResource, read_drifted
from builder.terms import AccountId, Region, Site, StackId


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One stack in one account and region."""

    account: AccountId
    region: Region
    stack: StackId
    status: str
    """CURRENT, OUTDATED or INOPERABLE."""
    detailed_status: str
    reason: str
    drift: str
    operation: str
    """The last operation that touched it, `UPDATE FAILED` and its id."""
    skipped: str = ""
    """Why StackSets pass it over though it is not as it should be; empty where they do not."""

    @property
    def is_well(self) -> bool:
        """Whether the stack is what its set says, as far as anybody has looked."""
        return self.status == "CURRENT" and self.drift != "DRIFTED"

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to do something about it: not where its account is suspended or closed."""
        return not (self.is_well or self.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which of the rows are asked for; what is empty leaves out nothing."""

    accounts: Collection[str] = ()
    regions: Collection[str] = ()
    stacks: Collection[str] = ()
    failed: bool = False

    def takes(self, account: object, region: str, stack: str) -> bool:
        """Return whether the place is one of those asked for."""
        return (
            (not self.accounts or account in self.accounts)
            and (not self.regions or region in self.regions)
            and (not self.stacks or stack in self.stacks)
        )


def choose(rows: Iterable[FleetRow], choice: RowFilter) -> tuple[FleetRow, ...]:
    """Return the rows that are asked for; pure."""
    return tuple(
        row for row in rows if choice.takes(row.account, row.region, row.stack) and (row.is_wrong or not choice.failed)
    )


async def observe_status(
    sets: Collection[StackSet], clients: Clients, choice: RowFilter = RowFilter()
) -> tuple[FleetRow, ...]:
    """Return the instances that are asked for, set by set; what is wrong with one is looked into."""
    found = await together(_rows(one, clients, choice) for one in sets)
    rows = [(row, instance) for rows in found for row, instance in rows]
    states = {} if all(row.is_well for row, _ in rows) else await observe_states(clients, sets)
    told = (
        row if row.is_well else replace(row, skipped=instance.skipped_because(states.get(row.account)))
        for row, instance in rows
    )
    return choose(told, choice)


async def observe_chosen(stack_set: StackSet, clients: Clients, choice: RowFilter) -> tuple[StackInstance, ...]:
    """Return the set's instances in the accounts and regions that are asked for, by no more calls than that takes."""
    if choice.stacks and stack_set.id not in choice.stacks:
        return ()
    listings = await together(
        observe_instances(clients, stack_set, account) for account in (choice.accounts or (None,))
    )
    found = (one for instances in listings for one in instances)
    return tuple(one for one in found if choice.takes(one.site.account, one.site.region, stack_set.id))


async def _rows(stack_set: StackSet, clients: Clients, choice: RowFilter) -> list[tuple[FleetRow, StackInstance]]:
    instances = await observe_chosen(stack_set, clients, choice)
    if not instances:
        return []
    lacking = {one.operation for one in instances}

    def are_all(listed: Iterable[SetOperation]) -> bool:
        lacking.difference_update(operation.id for operation in listed)
        return not lacking

    operations = {one.id: one for one in await observe_operations(clients, stack_set, are_all)}
    return [(_row(stack_set, one, operations.get(one.operation)), one) for one in instances]


def _row(stack_set: StackSet, one: StackInstance, operation: SetOperation | None) -> FleetRow:
    said = f"{operation.action} {operation.status} {operation.id}" if operation else one.operation
    return FleetRow(
        account=AccountId(str(one.site.account)),
        region=one.site.region,
        stack=stack_set.id,
        status=one.status,
        detailed_status=one.detailed_status,
        reason=one.reason,
        drift=one.drift,
        operation=said,
    )


@dataclass(frozen=True, slots=True)
class StackOutputs:
    """What one stack puts out."""

    account: AccountId
    region: Region
    stack: StackId
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FleetOutputs:
    """What all stacks that were asked for put out, and where that could not be read."""

    stacks: tuple[StackOutputs, ...] = ()
    failures: tuple[Failure, ...] = field(default_factory=tuple)
    skipped: tuple[Skipped, ...] = ()
    """What could not be read because the account is suspended or closed: no failure."""


async def observe_fleet_outputs(
    sets: Collection[StackSet], clients: Clients, choice: RowFilter, role: str | None
) -> FleetOutputs:
    """Return the outputs of the stacks that are asked for; no call is made in any other account.

    `role` is the name of the one to assume there; else it is the execution role of the sets.
    Raises BadInput where the sets have none.
    """
    found = await together(observe_chosen(one, clients, choice) for one in sets)
    chosen = [(one, instance) for one, instances in zip(sets, found, strict=True) for instance in instances]
    read = await in_accounts(clients, chosen, role, _read)
    unread = [one for one in read if not isinstance(one, StackOutputs)]
    states = await observe_states(clients, sets) if unread else {}
    skipped = [(each, skips([instance], states)) for instance, each in unread]
    return FleetOutputs(
        stacks=tuple(one for one in read if isinstance(one, StackOutputs)),
        failures=tuple(failure for failure, passed in skipped if not passed),
        skipped=tuple(dict.fromkeys(each for _, passed in skipped for each in passed)),
    )


async def _read(
    stack_set: StackSet, one: StackInstance, reaching: Clients
) -> StackOutputs | tuple[StackInstance, Failure]:
    try:
        found = await observe_instance_stack(one, reaching)
    except BuilderError as error:
        return one, Failure(one.site, f"{stack_set.id}: {error.what}")
    if found is None:
        return one, Failure(one.site, f"{stack_set.id}: no stack stands: {one.reason or one.status}")
    return StackOutputs(AccountId(str(one.site.account)), one.site.region, stack_set.id, found.outputs)


# Nothing is changed, so nothing has to be spared: no failure keeps another account from being looked at.
_EVERYWHERE = {
    "MaxConcurrentPercentage": 100,
    "FailureTolerancePercentage": 100,
    "RegionConcurrencyType": "PARALLEL",
}
# Of a time in ISO 8601, both of which CloudFormation says: no fractions, which it may give one of them only.
_SECONDS = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedInstance:
    """A stack in an account that is not what it was made of."""

    account: AccountId
    region: Region
    stack: StackId
    resources: tuple[DriftedResource, ...]
    """None where they could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenInstance:
    """A stack that could not be looked at."""

    account: AccountId
    region: Region
    stack: StackId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDrift:
    """What a detection came to in one set."""

    stack: StackId
    instances: int = 0
    """How many stacks it has."""
    drifted: tuple[DriftedInstance, ...] = ()
    unseen: tuple[UnseenInstance, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    """What StackSets pass over, its account being suspended or closed: no failure."""
    problem: str = ""
    """Why the set was not looked at, or not wholly."""


async def detect_drift(
    sets: Collection[StackSet], clients: Clients, run_id: str, emit: FleetEmit
) -> tuple[SetDrift, ...]:
    """Detect drift of every set, all at a time, and return what it came to.

    A set does one operation at a time: another's is waited for. One that cannot be looked at keeps no other from it.
    """
    watch = SetWatch(clients, emit)
    await watch.begin(sets)
    watch.disown()

    async def detect(stack_set: StackSet) -> SetDrift:
        try:
            return await _detect(watch, stack_set, run_id)
        except BuilderError as error:
            return SetDrift(stack=stack_set.id, problem=error.what)

    return tuple(await together(detect(stack_set) for stack_set in sets))


async def _detect(watch: SetWatch, stack_set: StackSet, run_id: str) -> SetDrift:
    clients = watch.clients
    before = await observe_instances(clients, stack_set)
    if not before:
        return SetDrift(stack=stack_set.id)
    own = token(run_id, stack_set.id, "drift")
    asked = {**named(stack_set), "OperationPreferences": dict(_EVERYWHERE), "OperationId": own}
    await begin_operation(watch, stack_set, client_of(clients, stack_set).detect_stack_set_drift, asked)
    ended = await watch.until_ended(stack_set, own)
    states = await observe_states(clients, [stack_set])
    results = await unless_lagging(
        lambda: observe_results(clients, stack_set, own), lambda shown: any(not one.is_over for one in shown)
    )
    failures = {one.site: one.reason or "no reason given" for one in results if one.status != "SUCCEEDED"}

    def unseen_in(listed: Iterable[StackInstance]) -> dict[Site, str]:
        behind = (one.site for one in listed if one.drift_at[:_SECONDS] < ended.created[:_SECONDS])
        return {**dict.fromkeys(behind, "no drift of it is told since the detection began"), **failures}

    def is_contradicted(listed: tuple[StackInstance, ...]) -> bool:
        return not unseen_in(listed).keys() <= {*failures, *(one.site for one in skips(listed, states))}

    listed = await unless_lagging(lambda: observe_instances(clients, stack_set), is_contradicted)
    skipped, unseen = skips(listed, states), unseen_in(listed)
    passed = {one.site for one in skipped}
    away = [one for one in listed if one.drift == "DRIFTED" and one.site not in passed and one.site not in unseen]
    read = await together(_read_drift(clients, stack_set, one, own) for one in away)
    told = (_unseen(stack_set, site, reason) for site, reason in unseen.items() if site not in passed)
    return SetDrift(
        stack=stack_set.id,
        instances=len(listed),
        drifted=tuple(drifted for drifted, _ in read),
        unseen=(*told, *(unread for _, unread in read if unread is not None)),
        skipped=skipped,
        problem=_problem(ended),
    )


def _problem(ended: SetOperation) -> str:
    return "" if ended.status == "SUCCEEDED" else f"its detection {ended.status}: {ended.reason or 'no reason given'}"


def _unseen(stack_set: StackSet, site: Site, reason: str) -> UnseenInstance:
    return UnseenInstance(account=_account(site), region=site.region, stack=stack_set.id, reason=reason)


def _account(site: Site) -> AccountId:
    return AccountId(str(site.account))


async def _read_drift(
    clients: Clients, stack_set: StackSet, one: StackInstance, operation: str
) -> tuple[DriftedInstance, UnseenInstance | None]:
    """Return an instance with every resource that drifted, over all pages; and why, where those could not be read."""
    asked = {
        **named(stack_set),
        "StackInstanceAccount": str(one.site.account),
        "StackInstanceRegion": one.site.region,
        "StackInstanceResourceDriftStatuses": ["MODIFIED", "DELETED"],
        "OperationId": operation,
    }
    listed = pages(stack_set.id, client_of(clients, stack_set).list_stack_instance_resource_drifts, **asked)
    resources: tuple[DriftedResource, ...] = ()
    unread = None
    try:
        resources = tuple([read_drifted(said) async for page in listed for said in page["Summaries"]])
    except AwsError as error:
        unread = _unseen(stack_set, one.site, f"what drifted in it could not be read: {error.what}")
    account = _account(one.site)
    drifted = DriftedInstance(account=account, region=one.site.region, stack=stack_set.id, resources=resources)
    return drifted, unread
