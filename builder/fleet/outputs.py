"""The outputs of a fleet's stacks, which StackSets do not return: read in each account, through a role there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from builder.aws import Clients, together
from builder.errors import BuilderError
from builder.fleet.accounts import in_accounts, observe_instance_stack
from builder.fleet.organization import observe_states
from builder.fleet.outcome import Failure
from builder.fleet.records import Instance, Skipped, StackSet, skips
from builder.fleet.status import Choice, observe_chosen
from builder.terms import AccountId, Region, StackId


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
    sets: Collection[StackSet], clients: Clients, choice: Choice, role: str | None
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


async def _read(stack_set: StackSet, one: Instance, reaching: Clients) -> StackOutputs | tuple[Instance, Failure]:
    try:
        found = await observe_instance_stack(one, reaching)
    except BuilderError as error:
        return one, Failure(one.site, f"{stack_set.id}: {error.what}")
    if found is None:
        return one, Failure(one.site, f"{stack_set.id}: no stack stands: {one.reason or one.status}")
    return StackOutputs(AccountId(str(one.site.account)), one.site.region, stack_set.id, found.outputs)
