"""How a fleet stands: a row for each account, region and stack."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.fleet.observe import Operation, observe_instances, observe_operations
from builder.fleet.organization import observe_states
from builder.fleet.records import Instance, StackSet
from builder.terms import AccountId, Region, StackId


@dataclass(frozen=True, slots=True)
class Row:
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
class Choice:
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


def choose(rows: Iterable[Row], choice: Choice) -> tuple[Row, ...]:
    """Return the rows that are asked for; pure."""
    return tuple(
        row for row in rows if choice.takes(row.account, row.region, row.stack) and (row.is_wrong or not choice.failed)
    )


async def observe_status(sets: Collection[StackSet], clients: Clients, choice: Choice = Choice()) -> tuple[Row, ...]:
    """Return the instances that are asked for, set by set; what is wrong with one is looked into."""
    found = await together(_rows(one, clients, choice) for one in sets)
    rows = [(row, instance) for rows in found for row, instance in rows]
    states = {} if all(row.is_well for row, _ in rows) else await observe_states(clients, sets)
    told = (
        row if row.is_well else replace(row, skipped=instance.skipped_because(states.get(row.account)))
        for row, instance in rows
    )
    return choose(told, choice)


async def observe_chosen(stack_set: StackSet, clients: Clients, choice: Choice) -> tuple[Instance, ...]:
    """Return the set's instances in the accounts and regions that are asked for, by no more calls than that takes."""
    if choice.stacks and stack_set.id not in choice.stacks:
        return ()
    listings = await together(
        observe_instances(clients, stack_set, account) for account in (choice.accounts or (None,))
    )
    found = (one for instances in listings for one in instances)
    return tuple(one for one in found if choice.takes(one.site.account, one.site.region, stack_set.id))


async def _rows(stack_set: StackSet, clients: Clients, choice: Choice) -> list[tuple[Row, Instance]]:
    instances = await observe_chosen(stack_set, clients, choice)
    if not instances:
        return []
    operations = {one.id: one for one in await observe_operations(clients, stack_set)}
    return [(_row(stack_set, one, operations.get(one.operation)), one) for one in instances]


def _row(stack_set: StackSet, one: Instance, operation: Operation | None) -> Row:
    said = f"{operation.action} {operation.status} {operation.id}" if operation else one.operation
    return Row(
        account=AccountId(str(one.site.account)),
        region=one.site.region,
        stack=stack_set.id,
        status=one.status,
        detailed_status=one.detailed_status,
        reason=one.reason,
        drift=one.drift,
        operation=said,
    )
