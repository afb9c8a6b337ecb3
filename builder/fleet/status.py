"""The status of a fleet: a row for each account, region and stack, its stacks' outputs, and what drifted.

Outputs are read in each account. Drift is by CloudFormation's own detection, set by set, which changes no stack; an
override belongs to what an instance was created from, and is no drift.
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
    """The last operation on it, `UPDATE FAILED` and its id."""
    skipped: str = ""
    """Why StackSets skip it although it is not current; empty if they do not."""

    @property
    def is_well(self) -> bool:
        """Whether the stack matches its set, as far as it was read."""
        return self.status == "CURRENT" and self.drift != "DRIFTED"

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to act: not if its account is suspended or closed."""
        return not (self.is_well or self.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows to show; an empty field excludes none."""

    accounts: Collection[str] = ()
    regions: Collection[str] = ()
    stacks: Collection[str] = ()
    failed: bool = False

    def takes(self, account: object, region: str, stack: str) -> bool:
        """Return whether a place passes the filter."""
        return (
            (not self.accounts or account in self.accounts)
            and (not self.regions or region in self.regions)
            and (not self.stacks or stack in self.stacks)
        )


def choose(rows: Iterable[FleetRow], choice: RowFilter) -> tuple[FleetRow, ...]:
    """Return the rows that pass the filter; pure."""
    return tuple(
        row for row in rows if choice.takes(row.account, row.region, row.stack) and (row.is_wrong or not choice.failed)
    )


async def observe_status(
    sets: Collection[StackSet], clients: Clients, choice: RowFilter = RowFilter()
) -> tuple[FleetRow, ...]:
    """Return the rows that pass the filter, set by set; Organizations is read if an instance is not well."""
    by_set = await together(_rows(stack_set, clients, choice) for stack_set in sets)
    rows = [(row, instance) for rows in by_set for row, instance in rows]
    states = {} if all(row.is_well for row, _ in rows) else await observe_states(clients, sets)
    with_reasons = (
        row if row.is_well else replace(row, skipped=instance.skipped_because(states.get(row.account)))
        for row, instance in rows
    )
    return choose(with_reasons, choice)


async def observe_chosen(stack_set: StackSet, clients: Clients, choice: RowFilter) -> tuple[StackInstance, ...]:
    """Return the set's instances in the chosen accounts and regions, with as few calls as possible."""
    if choice.stacks and stack_set.id not in choice.stacks:
        return ()
    listings = await together(
        observe_instances(clients, stack_set, account) for account in (choice.accounts or (None,))
    )
    listed = (instance for instances in listings for instance in instances)
    return tuple(
        instance for instance in listed if choice.takes(instance.site.account, instance.site.region, stack_set.id)
    )


async def _rows(stack_set: StackSet, clients: Clients, choice: RowFilter) -> list[tuple[FleetRow, StackInstance]]:
    instances = await observe_chosen(stack_set, clients, choice)
    if not instances:
        return []
    lacking = {instance.operation for instance in instances}

    def are_all(listed: Iterable[SetOperation]) -> bool:
        lacking.difference_update(operation.id for operation in listed)
        return not lacking

    operations = {operation.id: operation for operation in await observe_operations(clients, stack_set, are_all)}
    return [(_row(stack_set, instance, operations.get(instance.operation)), instance) for instance in instances]


def _row(stack_set: StackSet, instance: StackInstance, operation: SetOperation | None) -> FleetRow:
    last_operation = f"{operation.action} {operation.status} {operation.id}" if operation else instance.operation
    return FleetRow(
        account=AccountId(str(instance.site.account)),
        region=instance.site.region,
        stack=stack_set.id,
        status=instance.status,
        detailed_status=instance.detailed_status,
        reason=instance.reason,
        drift=instance.drift,
        operation=last_operation,
    )


@dataclass(frozen=True, slots=True)
class StackOutputs:
    """The outputs of one stack."""

    account: AccountId
    region: Region
    stack: StackId
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FleetOutputs:
    """The outputs of all chosen stacks, and the sites where they could not be read."""

    stacks: tuple[StackOutputs, ...] = ()
    failures: tuple[Failure, ...] = field(default_factory=tuple)
    skipped: tuple[Skipped, ...] = ()
    """Where outputs could not be read because the account is suspended or closed: no failure."""


async def observe_fleet_outputs(
    sets: Collection[StackSet], clients: Clients, choice: RowFilter, role: str | None
) -> FleetOutputs:
    """Return the outputs of the chosen stacks; no call is made in any other account.

    `role` is the name of the role to assume there; without it, the sets' execution role is assumed.
    Raises BadInput where the sets have none.
    """
    by_set = await together(observe_chosen(stack_set, clients, choice) for stack_set in sets)
    chosen = [
        (stack_set, instance) for stack_set, instances in zip(sets, by_set, strict=True) for instance in instances
    ]
    read = await in_accounts(clients, chosen, role, _read)
    unread = [answer for answer in read if not isinstance(answer, StackOutputs)]
    states = await observe_states(clients, sets) if unread else {}
    skipped = [(failure, skips([instance], states)) for instance, failure in unread]
    return FleetOutputs(
        stacks=tuple(answer for answer in read if isinstance(answer, StackOutputs)),
        failures=tuple(failure for failure, passed in skipped if not passed),
        skipped=tuple(dict.fromkeys(skip for _, passed in skipped for skip in passed)),
    )


async def _read(
    stack_set: StackSet, instance: StackInstance, reaching: Clients
) -> StackOutputs | tuple[StackInstance, Failure]:
    try:
        stack = await observe_instance_stack(instance, reaching)
    except BuilderError as error:
        return instance, Failure(instance.site, f"{stack_set.id}: {error.what}")
    if stack is None:
        return instance, Failure(
            instance.site, f"{stack_set.id}: no stack stands: {instance.reason or instance.status}"
        )
    return StackOutputs(AccountId(str(instance.site.account)), instance.site.region, stack_set.id, stack.outputs)


# Detection changes nothing, so it runs everywhere at a time, and a failure stops no other account's.
_EVERYWHERE = {
    "MaxConcurrentPercentage": 100,
    "FailureTolerancePercentage": 100,
    "RegionConcurrencyType": "PARALLEL",
}
# How much of two ISO 8601 times is compared: CloudFormation may give only one of them with fractions of seconds.
_SECONDS = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedInstance:
    """A stack instance that drifted."""

    account: AccountId
    region: Region
    stack: StackId
    resources: tuple[DriftedResource, ...]
    """None where they could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenInstance:
    """A stack instance whose drift is not known, or not in detail, with the reason."""

    account: AccountId
    region: Region
    stack: StackId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDrift:
    """The result of the drift detection of one StackSet."""

    stack: StackId
    instances: int = 0
    """The number of its stacks."""
    drifted: tuple[DriftedInstance, ...] = ()
    unseen: tuple[UnseenInstance, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    """Instances that StackSets skip, because their account is suspended or closed: no failure."""
    problem: str = ""
    """Why the set was not read, or not completely."""


async def detect_drift(
    sets: Collection[StackSet], clients: Clients, run_id: str, emit: FleetEmit
) -> tuple[SetDrift, ...]:
    """Detect the drift of all sets at a time, and return each one's result.

    A set runs one operation at a time, so a running one is waited for. A set that cannot be read stops no other.
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
    arguments = {**named(stack_set), "OperationPreferences": dict(_EVERYWHERE), "OperationId": own}
    await begin_operation(watch, stack_set, client_of(clients, stack_set).detect_stack_set_drift, arguments)
    ended = await watch.until_ended(stack_set, own)
    states = await observe_states(clients, [stack_set])
    results = await unless_lagging(
        lambda: observe_results(clients, stack_set, own), lambda shown: any(not result.is_over for result in shown)
    )
    failures = {result.site: result.reason or "no reason given" for result in results if result.status != "SUCCEEDED"}

    def unseen_in(listed: Iterable[StackInstance]) -> dict[Site, str]:
        behind = (instance.site for instance in listed if instance.drift_at[:_SECONDS] < ended.created[:_SECONDS])
        return {**dict.fromkeys(behind, "no drift of it is told since the detection began"), **failures}

    def is_contradicted(listed: tuple[StackInstance, ...]) -> bool:
        return not unseen_in(listed).keys() <= {*failures, *(skip.site for skip in skips(listed, states))}

    listed = await unless_lagging(lambda: observe_instances(clients, stack_set), is_contradicted)
    skipped, unseen = skips(listed, states), unseen_in(listed)
    passed = {skip.site for skip in skipped}
    away = [
        instance
        for instance in listed
        if instance.drift == "DRIFTED" and instance.site not in passed and instance.site not in unseen
    ]
    read = await together(_read_drift(clients, stack_set, instance, own) for instance in away)
    unseen_instances = (_unseen(stack_set, site, reason) for site, reason in unseen.items() if site not in passed)
    return SetDrift(
        stack=stack_set.id,
        instances=len(listed),
        drifted=tuple(drifted for drifted, _ in read),
        unseen=(*unseen_instances, *(unread for _, unread in read if unread is not None)),
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
    clients: Clients, stack_set: StackSet, instance: StackInstance, operation: str
) -> tuple[DriftedInstance, UnseenInstance | None]:
    """Return an instance with every resource that drifted, over all pages; and the reason if they cannot be read."""
    arguments = {
        **named(stack_set),
        "StackInstanceAccount": str(instance.site.account),
        "StackInstanceRegion": instance.site.region,
        "StackInstanceResourceDriftStatuses": ["MODIFIED", "DELETED"],
        "OperationId": operation,
    }
    listed = pages(stack_set.id, client_of(clients, stack_set).list_stack_instance_resource_drifts, **arguments)
    resources: tuple[DriftedResource, ...] = ()
    unread = None
    try:
        resources = tuple([read_drifted(drift) async for page in listed for drift in page["Summaries"]])
    except AwsError as error:
        unread = _unseen(stack_set, instance.site, f"what drifted in it could not be read: {error.what}")
    account = _account(instance.site)
    drifted = DriftedInstance(account=account, region=instance.site.region, stack=stack_set.id, resources=resources)
    return drifted, unread
