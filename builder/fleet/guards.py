"""What must not happen in any account unasked: lost data, and accounts or regions that leave; pure.

What the change set of the sets themselves trips, such as a set that goes, is the ordinary plan's to guard.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from builder.deploy.guards import trips
from builder.deploy.records import ResourceChange, Trip
from builder.fleet.records import SetPlan
from builder.terms import Region, StackId, counted


@dataclass(frozen=True, slots=True)
class _InTheAccounts:
    """A set's changes as the ordinary guards read those of a stack."""

    stack: StackId
    region: Region
    changes: tuple[ResourceChange, ...]


def fleet_trips(sets: Iterable[SetPlan]) -> tuple[Trip, ...]:
    """Return every guard that the sets' plans trip, in their order, as guards of the stacks that hold the sets."""
    return tuple(trip for planned in sets for trip in (*_of_changes(planned), *_of_leaving(planned)))


def _of_changes(planned: SetPlan) -> tuple[Trip, ...]:
    step = _InTheAccounts(planned.id, planned.stack_set.site.region, planned.changes)
    found = trips([step]) if planned.updating else ()
    return tuple(replace(trip, stack=planned.stack_set.held_by.stack) for trip in found)


def _of_leaving(planned: SetPlan) -> Iterator[Trip]:
    if planned.does == "remove":
        return
    holder, name = planned.stack_set.held_by.stack, planned.stack_set.logical_id
    if planned.does == "create":
        if planned.leaving:
            lost = counted(len(planned.leaving), "stack")
            why = f"the set is made anew, which deletes {lost} and what is in there"
            yield Trip(stack=holder, logical_id=name, why=why, allow=f"{planned.id}/{name}")
        return
    anew = {*planned.joining, *(one.site for one in planned.missing)}
    stays = {site.region for site in (*planned.updating, *anew)}
    stays |= {one.site.region for one in planned.instances if one.site not in planned.leaving}
    gone = dict.fromkeys(site.region for site in planned.leaving if site.region not in stays)
    for region in gone:
        count = sum(site.region == region for site in planned.leaving)
        why = f"the region leaves: its stack is deleted in {counted(count, 'account')}, with all that is in it"
        yield Trip(stack=holder, logical_id=region, why=why, allow=f"{planned.id}/{region}")
    for account in dict.fromkeys(site.account for site in planned.leaving if site.region not in gone):
        sites = [site for site in planned.leaving if site.account == account]
        lost = f"its stack in {', '.join(site.region for site in sites)} is deleted, with all that is in it"
        why = f"the account leaves: {lost}"
        if anew.issuperset(sites):
            why = f"other targets lead to the account than before: {lost}, and made anew"
        yield Trip(stack=holder, logical_id=str(account), why=why, allow=f"{planned.id}/{account}")
