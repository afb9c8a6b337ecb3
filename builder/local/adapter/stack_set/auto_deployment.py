"""Accounts that join a unit of a service-managed set get its stacks, and accounts that leave lose them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from collections.abc import Iterable, Iterator

from builder.local.adapter.stack_set import instances, organization, run
from builder.local.adapter.stack_set.records import Operation, Place, StackSet, sets_of


def follow(management: str, account: str) -> None:
    """Begin what an account's new place in the organization asks of each set; a set comes after those it depends on."""
    if account == management:
        return
    begun: dict[str, list[Operation]] = {}
    units = organization.units_of(account)
    for stack_set in _ordered(one for one in sets_of(management) if _is_automatic(one)):
        depends = stack_set.definition["AutoDeployment"].get("DependsOn", [])
        after = tuple(operation for arn in depends for operation in begun.get(arn, []))
        begun[stack_set.arn] = list(_begin(stack_set, account, units, after))


def _is_automatic(stack_set: StackSet) -> bool:
    return stack_set.service_managed and bool(stack_set.definition.get("AutoDeployment", {}).get("Enabled"))


def _ordered(stack_sets: Iterable[StackSet]) -> list[StackSet]:
    """Return sets so that each comes after those it depends on; what depends on itself comes last."""
    left, ordered = list(stack_sets), list[StackSet]()
    while left:
        waiting = {one.arn for one in left}
        ready = [one for one in left if not waiting & set(one.definition["AutoDeployment"].get("DependsOn", []))]
        ordered += ready or left
        left = [one for one in left if one not in ordered]
    return ordered


def _begin(stack_set: StackSet, account: str, units: list[str], after: tuple[Operation, ...]) -> Iterator[Operation]:
    """Begin to delete what the account has no more and to create what it lacks, queued behind what the set does."""
    wanted = {Place(account, region): unit for unit in reversed(units) for region in stack_set.units.get(unit, [])}
    had = {place: one.unit for place, one in stack_set.instances.items() if place.account == account}
    gone = {place: unit for place, unit in had.items() if place not in wanted}
    new = {place: unit for place, unit in wanted.items() if place not in had}
    retain = stack_set.definition["AutoDeployment"].get("RetainStacksOnAccountRemoval", False)
    # Automatic deployment ignores the order of regions, and no account may hold up the others.
    preferences = {"OperationPreferences": {"RegionConcurrencyType": "PARALLEL"}}
    if gone:
        yield _start(
            stack_set,
            instances.make_operation(stack_set, "DELETE", gone, {**preferences, "RetainStacks": retain}),
            after,
        )
    if new:
        operation = instances.make_operation(stack_set, "CREATE", new, preferences)
        yield _start(stack_set, operation, after)
        for place, unit in new.items():
            stack_set.instances[place].unit = unit


def _start(stack_set: StackSet, operation: Operation, after: tuple[Operation, ...]) -> Operation:
    operation.after = after
    run.start(stack_set, operation, queue=True)
    return operation
