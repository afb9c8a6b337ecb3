"""Names of sets that are taken: known before anything is executed, since CloudFormation says so only when it fails.

A change set tells nothing of it. CloudFormation creates before it deletes, so a set that the same stack gives up is in
the way as well as a stranger's.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.observe import ObservedResource, observe_resources, observe_stack
from builder.errors import Stopped, gathered
from builder.fleet.observe import describe_set
from builder.fleet.records import Holding, StackSet
from builder.resource_types import STACK_SET
from builder.terms import StackId, StackName


@dataclass(frozen=True, slots=True)
class Creation:
    """A set that is to be created; `anew` where a standing one of the same logical id is replaced by it."""

    stack_set: StackSet
    anew: bool = False


async def check_names(creations: Iterable[Creation], names: Mapping[StackId, StackName], clients: Clients) -> None:
    """Return if the names of these sets are free, or taken by what CloudFormation removes or goes on with first.

    `names` are those of the stacks that hold them. Raises Stopped, or Several, saying whose each name is.
    """
    creations = tuple(creations)
    described = await together(describe_set(clients, one.stack_set) for one in creations)
    taken = [(one, said["StackSetId"]) for one, said in zip(creations, described, strict=True) if said is not None]
    holders = tuple(dict.fromkeys(one.stack_set.held_by for one, _ in taken))
    held = dict(zip(holders, await together(_held(one, names[one.stack], clients) for one in holders), strict=True))
    refused = [
        refusal for one, id_ in taken if (refusal := _refusal(one, id_, held[one.stack_set.held_by])) is not None
    ]
    if refused:
        raise gathered(refused)


async def _held(holding: Holding, name: StackName, clients: Clients) -> tuple[ObservedResource, ...]:
    stack = await observe_stack(clients, holding.site, name)
    if stack is None or not stack.facts.exists:
        return ()
    return tuple(one for one in await observe_resources(clients, stack) if one.type == STACK_SET)


def _refusal(one: Creation, set_id: str, held: tuple[ObservedResource, ...]) -> Stopped | None:
    """Return why the set cannot be created under its name; pure."""
    stack_set = one.stack_set
    own = next((each for each in held if each.logical_id == stack_set.logical_id), None)
    if own is not None and own.status.endswith("_IN_PROGRESS"):
        return None
    if own is not None and own.physical_id == set_id and not (one.anew and own.status.endswith("_COMPLETE")):
        return None
    holder = next((each for each in held if each.physical_id == set_id), None)
    if holder is None:
        return _stopped(
            stack_set,
            f"a StackSet {stack_set.name} exists already, and {stack_set.held_by.stack} does not hold it",
            f"aws cloudformation list-stack-instances --region {stack_set.site.region} --stack-set-name "
            f"{stack_set.name} --call-as {stack_set.call_as}    shows what it has; then delete it or take another name",
        )
    if holder is own:
        return _stopped(
            stack_set,
            f"{stack_set.logical_id} is replaced under its own name {stack_set.name}, which is taken until it is gone",
            "plan with another name, or without the set first",
        )
    return _stopped(
        stack_set,
        f"the StackSet {stack_set.name} is {holder.logical_id} of the same stack until that is gone",
        f"keep {holder.logical_id} as its logical id, or plan without the set first",
    )


def _stopped(stack_set: StackSet, what: str, next_step: str) -> Stopped:
    return Stopped(where=stack_set.id, what=f"{what}: it would fail to be created", next_step=next_step)
