"""One operation of our own on a StackSet: begun once, whatever became of the answer, and watched to its end.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html,
API_UpdateStackInstances and API_DeleteStackInstances
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builder.aws import call
from builder.deploy.change_set import token
from builder.deploy.progress import Waiting
from builder.deploy.watch import is_passing
from builder.errors import AwsError
from builder.fleet.observe import Operation, client_of, named, observe_operations
from builder.fleet.records import Aimed, Instance, StackSet
from builder.fleet.watch import SetWatch

if TYPE_CHECKING:
    from builder.terms import Region

_OURS_ALREADY = "OperationIdAlreadyExistsException"
# StackSets do one operation at a time; the second is what an operation is told that overlaps with an auto-deployment.
_IN_THE_WAY = frozenset({"OperationInProgressException", "StaleRequestException"})


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is asked of CloudFormation; for the same run its ids are the same, so a repeat is the same operation."""

    call: Callable[..., object]
    run_id: str
    what: str
    more: Mapping[str, Any] = field(default_factory=dict)


async def create_instances(
    watch: SetWatch, stack_set: StackSet, places: Iterable[Aimed], run_id: str
) -> tuple[Operation, ...]:
    """Create the set's stack in just these places, and return the operations as they ended."""
    client = client_of(watch.clients, stack_set)
    return await _each(watch, stack_set, places, _Asking(client.create_stack_instances, run_id, "create"))


async def update_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[Instance], run_id: str
) -> tuple[Operation, ...]:
    """Bring just these instances up to their set, and return the operations as they ended; parameters stay."""
    client = client_of(watch.clients, stack_set)
    return await _each(watch, stack_set, instances, _Asking(client.update_stack_instances, run_id, "update"))


async def delete_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[Instance], run_id: str, *, retain: bool
) -> tuple[Operation, ...]:
    """Delete just these instances, with their stacks unless those are retained; return the operations as they ended."""
    client = client_of(watch.clients, stack_set)
    asking = _Asking(client.delete_stack_instances, run_id, "delete", {"RetainStacks": retain})
    return await _each(watch, stack_set, instances, asking)


def make_batches(stack_set: StackSet, instances: Iterable[Instance | Aimed]) -> tuple[dict[str, Any], ...]:
    """Return how calls name just these instances; one call for all accounts that are meant in the same regions."""
    regions: dict[str, set[Region]] = defaultdict(set)
    units: dict[str, str] = {}
    for one in instances:
        account = str(one.site.account)
        regions[account].add(one.site.region)
        units[account] = one.unit
    together: dict[tuple[Region, ...], list[str]] = defaultdict(list)
    for account, where in regions.items():
        together[tuple(sorted(where))].append(account)
    return tuple(
        {"Regions": list(where), **_targets(stack_set, accounts, units)} for where, accounts in together.items()
    )


def _targets(stack_set: StackSet, accounts: list[str], units: Mapping[str, str]) -> dict[str, Any]:
    if not stack_set.is_service_managed:
        return {"Accounts": accounts}
    targets = {
        "Accounts": accounts,
        "OrganizationalUnitIds": sorted({units[account] for account in accounts}),
        "AccountFilterType": "INTERSECTION",
    }
    return {"DeploymentTargets": targets}


async def _each(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[Instance | Aimed], asking: _Asking
) -> tuple[Operation, ...]:
    """Do it batch by batch, since a set does one thing at a time, and none after one that somebody stopped."""
    ended = []
    for number, batch in enumerate(make_batches(stack_set, instances), start=1):
        own = token(asking.run_id, stack_set.id, f"{asking.what} {number}")
        said = {**named(stack_set), **batch, **asking.more, "OperationPreferences": dict(stack_set.preferences)}
        await _begin(watch, stack_set, asking.call, {**said, "OperationId": own})
        ended.append(await watch.until_ended(stack_set, own))
        if ended[-1].status == "STOPPED":
            break
    return tuple(ended)


async def _begin(
    watch: SetWatch, stack_set: StackSet, call_it: Callable[..., object], arguments: Mapping[str, Any]
) -> None:
    """Ask for an operation until it is accepted: another's on the set, and throttling, are waited for."""
    loop = asyncio.get_running_loop()
    began, said = loop.time(), ""
    while True:
        try:
            await call(stack_set.id, call_it, **arguments)
        except AwsError as error:
            if error.code == _OURS_ALREADY:
                return  # an answer was lost, and boto3 asked again
            if error.code not in _IN_THE_WAY and not is_passing(error):
                raise
        else:
            return
        running = next((one for one in await observe_operations(watch.clients, stack_set) if not one.ended), None)
        if running is not None and running.id != said:
            said = running.id
            watch.emit(Waiting(stack=stack_set.id, status=running.status, token=running.id))
        await asyncio.sleep(watch.clients.tempo.stacks.wait_s(loop.time() - began))
