"""The guards of a fleet's accounts, and the checks of its sets, of which only `check_names` reads AWS.

The ordinary plan guards what the change set itself loses. First the guards, which stop a plan until they are allowed
by name; then the checks, that a set keeps its permission model, and that the names of new sets are free.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy.observe.stacks import ObservedResource, observe_resources, observe_stack
from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import GuardHit, ResourceChange
from builder.errors import Stopped, gathered
from builder.fleet.observe import describe_set
from builder.fleet.records import Holding, SetPlan, StackSet
from builder.fleet.targets import ObservedSet
from builder.resource_types import STACK_SET
from builder.terms import Region, StackId, StackName, counted


@dataclass(frozen=True, slots=True)
class _InTheAccounts:
    """A set's changes, in the form in which the ordinary guards read a stack's."""

    stack: StackId
    region: Region
    changes: tuple[ResourceChange, ...]


def fleet_guard_hits(sets: Iterable[SetPlan]) -> tuple[GuardHit, ...]:
    """Return every guard hit of the sets' plans, in their order, each for the stack that holds the set."""
    hits = (
        (*_of_changes(planned), *_of_leaving(planned), *_of_failure(planned), *barred_hits(planned)) for planned in sets
    )
    return tuple(hit for of_set in hits for hit in of_set)


def _of_failure(planned: SetPlan) -> Iterator[GuardHit]:
    """Yield a guard hit for each existing stack that a failed update would delete, since its target is new.

    A plan with only imports has no update that could fail.
    """
    if not (planned.does == "update" or planned.joining or planned.leaving or planned.reset):
        return
    reasons = dict.fromkeys((site.account for site in planned.exposed), "its stack is in the set, not yet as a target")
    reasons |= dict.fromkeys(
        (stack_import.site.account for stack_import in planned.imports if stack_import.joins), "its stack is imported"
    )
    for account, how in reasons.items():
        why = (
            f"{how}, and where the set's update fails after that CloudFormation deletes it, with all "
            "that is in it: deploy who comes back by itself, then the rest"
        )
        holder, allow = planned.stack_set.held_by.stack, f"{planned.id}/{account}"
        yield GuardHit(stack=holder, logical_id=str(account), why=why, allow=allow, kind=how)


def barred_hits(planned: SetPlan) -> Iterator[GuardHit]:
    """Yield a guard hit for each retained stack beside which the set would create another."""
    for barred in planned.barred:
        where = f"{barred.site.account} {barred.site.region}"
        why = f"a stack of the set stays in {where}, and the new one would fail beside it"
        yield GuardHit(
            stack=planned.stack_set.held_by.stack,
            logical_id=str(barred.site.account),
            why=f"{why}: {barred.because}",
            allow=f"{planned.id}/{barred.site.account}",
            kind="a stack of the set stays there, and the new one would fail beside it",
        )


def _of_changes(planned: SetPlan) -> tuple[GuardHit, ...]:
    step = _InTheAccounts(planned.id, planned.stack_set.site.region, planned.changes)
    # What a set imports is updated with it.
    is_updated = planned.updating or (planned.does == "update" and planned.imports)
    hits = guard_hits([step]) if is_updated else ()
    return tuple(replace(hit, stack=planned.stack_set.held_by.stack) for hit in hits)


def _of_leaving(planned: SetPlan) -> Iterator[GuardHit]:
    if planned.does == "remove":
        return
    holder, name = planned.stack_set.held_by.stack, planned.stack_set.logical_id
    if planned.does == "create":
        if planned.leaving:
            lost = counted(len(planned.leaving), "stack")
            why = f"the set is made anew, which deletes {lost} and what is in there"
            yield GuardHit(stack=holder, logical_id=name, why=why, allow=f"{planned.id}/{name}")
        return
    anew = {*planned.joining, *(place.site for place in planned.missing)}
    stays = {site.region for site in (*planned.updating, *anew)}
    stays |= {instance.site.region for instance in planned.instances if instance.site not in planned.leaving}
    gone = dict.fromkeys(site.region for site in planned.leaving if site.region not in stays)
    for region in gone:
        count = sum(site.region == region for site in planned.leaving)
        why = f"the region leaves: its stack is deleted in {counted(count, 'account')}, with all that is in it"
        yield GuardHit(stack=holder, logical_id=region, why=why, allow=f"{planned.id}/{region}")
    for account in dict.fromkeys(site.account for site in planned.leaving if site.region not in gone):
        sites = [site for site in planned.leaving if site.account == account]
        lost = f"its stack in {', '.join(site.region for site in sites)} is deleted, with all that is in it"
        kind, why = "the account leaves", lost
        if anew.issuperset(sites):
            kind, why = "other targets lead to the account than before", f"{lost}, and made anew"
        allow = f"{planned.id}/{account}"
        yield GuardHit(stack=holder, logical_id=str(account), why=f"{kind}: {why}", allow=allow, kind=kind)


def check_models(sets: Iterable[tuple[StackSet, ObservedSet | None]]) -> None:
    """Raise Stopped unless each existing set keeps its permission model; pure."""
    changed = [
        stack_set
        for stack_set, observed in sets
        if observed and observed.is_service_managed != stack_set.is_service_managed
    ]
    if not changed:
        return
    before, after = ("self-managed", "service-managed")[:: 1 if changed[0].is_service_managed else -1]
    ids = ", ".join(stack_set.id for stack_set in changed)
    raise Stopped(
        where=changed[0].held_by.stack,
        what=f"fleet.permission_model changes from {before} to {after}, which makes a new set of each of "
        f"{ids}: it would fail, as their stacks have the names of those that stand",
        next_step="python -m builder fleet destroy --retain    leaves all stacks in their accounts; then deploy to an "
        "account that has none, then name the others too: docs/fleets.md, Another permission model",
    )


async def check_names(sets: Iterable[StackSet], names: Mapping[StackId, StackName], clients: Clients) -> None:
    """Raise Stopped, or Several, unless the names of these new sets are free, or CloudFormation frees or reuses them.

    `names` are those of the stacks that hold the sets. The error names the set or stack that has each name.
    """
    sets = tuple(sets)
    described = await together(describe_set(clients, stack_set) for stack_set in sets)
    taken = [
        (stack_set, answer["StackSetId"])
        for stack_set, answer in zip(sets, described, strict=True)
        if answer is not None
    ]
    holders = tuple(dict.fromkeys(stack_set.held_by for stack_set, _ in taken))
    resources = await together(_held(holding, names[holding.stack], clients) for holding in holders)
    held = dict(zip(holders, resources, strict=True))
    refusals = [_refusal(stack_set, id_, held[stack_set.held_by]) for stack_set, id_ in taken]
    if refused := [refusal for refusal in refusals if refusal is not None]:
        raise gathered(refused)


async def _held(holding: Holding, name: StackName, clients: Clients) -> tuple[ObservedResource, ...]:
    stack = await observe_stack(clients, holding.site, name)
    if stack is None or not stack.facts.exists:
        return ()
    return tuple(resource for resource in await observe_resources(clients, stack) if resource.type == STACK_SET)


def _refusal(stack_set: StackSet, set_id: str, held: tuple[ObservedResource, ...]) -> Stopped | None:
    """Return why the set cannot be created under its name; pure."""
    own = next((resource for resource in held if resource.logical_id == stack_set.logical_id), None)
    if own is not None and (own.physical_id == set_id or own.status.endswith("_IN_PROGRESS")):
        return None
    holder = next((resource for resource in held if resource.physical_id == set_id), None)
    if holder is None:
        return _stopped(
            stack_set,
            f"a StackSet {stack_set.name} exists already, and {stack_set.held_by.stack} does not hold it",
            f"aws cloudformation list-stack-instances --region {stack_set.site.region} --stack-set-name "
            f"{stack_set.name} --call-as {stack_set.call_as}    shows what it has; then delete it or take another name",
        )
    return _stopped(
        stack_set,
        f"the StackSet {stack_set.name} is {holder.logical_id} of the same stack until that is gone",
        f"keep {holder.logical_id} as its logical id, or plan without the set first",
    )


def _stopped(stack_set: StackSet, what: str, next_step: str) -> Stopped:
    return Stopped(where=stack_set.id, what=f"{what}: it would fail to be created", next_step=next_step)
