"""An account leaves a fleet: its instances are deleted from all sets, dependants first, with their stacks or without.

Read in this order: what is shown before anybody agrees (`observe_leaving`), `drop_account`, and which accounts cannot
be reached (`find_unreachable`), which other commands use too. A repeated run starts the same operations: their ids
follow from the account, the set and whether the stacks stay, and a number where an earlier departure has that id.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from builder.aws import Clients, call, together
from builder.deploy.change_sets.change_set import token
from builder.deploy.progress import RunBegun
from builder.errors import AwsError, Stopped
from builder.fleet.destroy import TRIES, FleetRemoval, RemovalRun, delete_set, is_known, settle_holders
from builder.fleet.observe import ENDED, SetWatch, are_ended, observe_instances, observe_operations
from builder.fleet.operation import FIRST_DELETION, dependants_of, in_order
from builder.fleet.progress import FleetEmit, FleetEnd, SetDone, SetFailed, SetOutcome
from builder.fleet.records import ACTIVE, Definition, StackInstance, StackSet
from builder.fleet.sets import observe_definitions, observe_sets
from builder.fleet.targets import observe_states, role_arn
from builder.graph import make_order
from builder.terms import AccountId, Site, StackId


@dataclass(frozen=True, slots=True)
class AccountTarget:
    """A target in a StackSet's template that includes the account."""

    unit: str = ""
    """The organizational unit, empty if the target names the account itself."""
    filter: Literal["NONE", "INTERSECTION", "DIFFERENCE", "UNION"] = "NONE"
    """How the accounts that the target names change the unit's: StackSets' AccountFilterType."""


@dataclass(frozen=True, slots=True)
class LeavingStack:
    """A stack of the account, with its StackSet."""

    stack_set: StackSet
    instance: StackInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingAccount:
    """The stacks that an account has of a fleet, and what happens to them when the account leaves."""

    account: AccountId
    stacks: tuple[LeavingStack, ...] = ()
    """The stacks, in the order of deletion."""
    retain: bool = False
    """Whether the stacks stay in the account."""
    unreachable: str = ""
    """Why StackSets cannot delete anything there; empty where they can."""
    targeted_by: tuple[AccountTarget, ...] = ()
    """The targets in the deployed template that still include the account."""

    @property
    def deleted(self) -> tuple[LeavingStack, ...]:
        """The stacks that are deleted, with all that is in them."""
        return () if self.retain else tuple(stack for stack in self.stacks if stack.instance.stack)

    @property
    def keeps(self) -> bool:
        """Whether no stack is deleted: then nobody has agreed to the deletion of stacks added later."""
        return not self.deleted


async def observe_leaving(
    account: AccountId, fleet: FleetRemoval, clients: Clients, run_id: str, emit: FleetEmit
) -> LeavingAccount:
    """Return the account's stacks of the fleet. They are retained on request, and where StackSets cannot reach them.

    Operations on the stacks that hold the sets are waited for, since they may still add instances.
    Raises Stopped where an operation already removes the account and retains its stacks where this run would delete
    them, or the other way round.
    """
    holders = await settle_holders(fleet.removal.stacks, clients, run_id, emit)
    sets = await observe_sets(holders, clients)
    listed = await together(observe_instances(clients, stack_set, account) for stack_set in sets)
    instances = dict(zip((stack_set.id for stack_set in sets), listed, strict=True))
    states = await observe_states(clients, sets) if any(listed) else {}
    stacks = tuple(_in_order(sets, instances))
    unreachable = await _why_unreachable(account, stacks, states, clients) if stacks else ""
    defined = [
        definition
        for definitions in await together(observe_definitions(holder, clients) for holder in holders)
        for definition in definitions
    ]
    # A unit gets stacks again only in active accounts; where Organizations does not answer, any may be active.
    is_followed = not states or states.get(account) == ACTIVE
    units = {stack.instance.unit for stack in stacks} if is_followed else ()
    leaving = LeavingAccount(
        account=account,
        stacks=stacks,
        retain=fleet.retain or bool(unreachable),
        unreachable=unreachable,
        targeted_by=tuple(dict.fromkeys(find_targets(defined, account, units))),
    )
    holding = {stack.stack_set.id: stack.stack_set for stack in stacks if stack.instance.stack}
    await together(_check_other_kind(leaving, stack_set, clients) for stack_set in holding.values())
    return leaving


def _in_order(sets: Iterable[StackSet], instances: Mapping[StackId, Iterable[StackInstance]]) -> Iterator[LeavingStack]:
    by_id = {stack_set.id: stack_set for stack_set in sets}
    for stack in make_order(dependants_of(by_id.values())):
        yield from (LeavingStack(by_id[stack], instance) for instance in instances[stack])


async def _check_other_kind(leaving: LeavingAccount, stack_set: StackSet, clients: Clients) -> None:
    newest = await observe_operations(clients, stack_set, are_ended)
    running = {operation.id for operation in newest if not operation.ended}
    if not running:
        return
    known = {operation.id for operation in await observe_operations(clients, stack_set)}
    other = not leaving.keeps
    number = 1
    while _operation(leaving.account, other, number, stack_set.id) in known:
        if any(_operation(leaving.account, other, number, stack_set.id, each + 1) in running for each in range(TRIES)):
            raise Stopped(
                where=stack_set.id,
                what=f"{leaving.account} leaves it already, and its stack there {'stays' if other else 'is deleted'}",
                next_step="python -m builder fleet stop    stops that; or the same again once it has ended",
            )
        number += 1


def find_targets(
    definitions: Iterable[Definition], account: AccountId, units: Collection[str]
) -> Iterator[AccountTarget]:
    """Yield the targets in these templates that include the account; `units` are those of its instances; pure."""
    for targets in (group for definition in definitions for group in definition.targets):
        named = account in targets.accounts
        if named and (not targets.units or targets.filter == "UNION"):
            yield AccountTarget()
        if targets.filter == ("DIFFERENCE" if named else "INTERSECTION"):
            continue
        yield from (AccountTarget(unit, targets.filter) for unit in targets.units if unit in units)


async def _why_unreachable(
    account: AccountId, stacks: tuple[LeavingStack, ...], states: Mapping[AccountId, str], clients: Clients
) -> str:
    """Return why StackSets cannot work in the account; empty where they can."""
    first = stacks[0]
    if states and account not in states:
        return "it is not in the organization any more"
    for stack in stacks:
        if because := stack.instance.skipped_because(states.get(account)):
            return because
    if first.stack_set.is_service_managed:
        return ""
    # The reasons of StackSets' own operations count, even where these credentials may assume the role.
    instances = [stack.instance for stack in stacks]
    if reason := next((instance.reason for instance in instances if _lacks_role(instance.site, instance.reason)), ""):
        return reason
    arn = role_arn(first.stack_set, first.instance, None)
    reaching = clients.reaching({account: arn}).of(first.instance.site)
    try:
        await call(str(account), reaching.sts(first.instance.site.region).get_caller_identity)
    except AwsError as error:
        if error.code not in _REFUSALS:
            raise
        return f"the role {arn} cannot be taken: {error.what}"
    return ""


_REFUSALS = frozenset({"AccessDenied", "AccessDeniedException"})


async def drop_account(
    leaving: LeavingAccount, fleet: FleetRemoval, clients: Clients, run_id: str, emit: FleetEmit
) -> FleetEnd:
    """Delete the account's instances from every set, and return each outcome; the rest of the fleet is not changed.

    Only the instances in `leaving` are deleted: newer ones stay, and fail their set. Operations on the holders are
    waited for. `run_id` is of this run alone; a repeated run's operations have the same ids.
    """
    holders = await settle_holders(fleet.removal.stacks, clients, run_id, emit)
    sets = await observe_sets(holders, clients)
    emit(RunBegun(what="drop", stacks=tuple(stack_set.id for stack_set in sets)))
    shown = frozenset((stack.stack_set.id, stack.instance.site, stack.instance.stack) for stack in leaving.stacks)
    watch = SetWatch(clients, emit)
    run = RemovalRun(replace(fleet, retain=leaving.keeps), watch, run_id, leaving.account, shown)
    await watch.begin(sets)
    ended = await in_order(sets, dependants_of(sets), partial(_drop_from, run, leaving), is_known)
    by_id = {stack_set.id: stack_set for stack_set in sets}
    return FleetEnd(
        (), tuple(await together(_check_newcomers(run, by_id[outcome.stack], outcome) for outcome in ended))
    )


async def _drop_from(
    run: RemovalRun, leaving: LeavingAccount, stack_set: StackSet, before: Mapping[StackId, SetOutcome]
) -> SetOutcome:
    ended = {
        operation.id
        for operation in await observe_operations(run.watch.clients, stack_set)
        if operation.status in ENDED
    }
    number = 1
    while _operation(leaving.account, leaving.keeps, number, stack_set.id) in ended:
        number += 1
    return await delete_set(replace(run, id=_run_id(leaving.account, leaving.keeps, number)), stack_set, before)


def _run_id(account: AccountId, keeps: bool, number: int) -> str:  # noqa: FBT001 - a part of the id
    return f"drop {account} {'retain' if keeps else 'delete'} {number}"


def _operation(account: AccountId, keeps: bool, number: int, stack: StackId, attempt: int = 1) -> str:  # noqa: FBT001 - as above
    return token(f"{_run_id(account, keeps, number)} {attempt}", stack, FIRST_DELETION)


async def _check_newcomers(run: RemovalRun, stack_set: StackSet, ended: SetOutcome) -> SetOutcome:
    """Return the outcome of the set; it fails if it is done but has instances of the account again."""
    if not isinstance(ended, SetDone):
        return ended
    newcomers = await run.newcomers(stack_set)
    return SetFailed(ended.stack, newcomers) if newcomers else ended


def _lacks_role(site: Site, reason: str) -> bool:
    """Return whether the reason is that the site's own account, not the administration's, lacks its role."""
    lacking = _LACKS_ROLE.search(reason)
    return lacking is not None and lacking[1] == site.account


_LACKS_ROLE = re.compile(r"Account (\d{12}) should have '.+' role with trust relationship to Role")


def find_unreachable(failures: Iterable[tuple[Site, str]]) -> tuple[AccountId, ...]:
    """Return the accounts whose role cannot be assumed, from the reasons of failures in them; pure."""
    accounts = (
        site.account
        for site, reason in failures
        if site.account is not None and (_lacks_role(site, reason) or _NOT_ASSUMED in reason)
    )
    return tuple(dict.fromkeys(accounts))


_NOT_ASSUMED = "not allowed to call AssumeRole"
