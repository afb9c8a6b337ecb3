"""What the stacks in the accounts are away from what they were made of, by CloudFormation's own detection; set by set.

It changes no stack. An override is what an instance was made of, and no drift.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-drift.html
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from builder.aws import Clients, pages, together
from builder.deploy.observe.stacks import unless_lagging
from builder.deploy.plan.change_set import token
from builder.errors import AwsError, BuilderError
from builder.fleet.observe import SetOperation, SetWatch, client_of, named, observe_instances, observe_results
from builder.fleet.operation import begin_operation
from builder.fleet.progress import FleetEmit
from builder.fleet.records import Skipped, StackInstance, StackSet, skips
from builder.fleet.targets import observe_states
from builder.state import DriftedResource, read_drifted
from builder.terms import AccountId, Region, Site, StackId

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
    read = await together(_read(clients, stack_set, one, own) for one in away)
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


async def _read(
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
