"""What a plan does to one stack, link after link, and how far AWS shows it to have come; pure."""

from collections.abc import Iterable
from dataclasses import replace

from builder.deploy.change_set import change_set_name
from builder.deploy.observe import ObservedStack
from builder.deploy.outcome import Deviated, Outcome
from builder.deploy.records import Deferred, Deletion, Plan, Protection, Step
from builder.terms import Arn, StackId

Link = Step | Deferred | Deletion | Protection
Chain = tuple[Link, ...]
"""At least one link, all of one stack: a deletion, its change sets in the order of their parts, its protection."""


def make_chains(plan: Plan) -> dict[StackId, Chain]:
    """Return what is to be done to each stack, in the plan's order; deletions of whole stacks come last."""
    chains: dict[StackId, Chain] = {}
    change_sets: list[Step | Deferred] = [*plan.steps, *plan.deferred]
    links: list[Link] = [*sorted(change_sets, key=lambda one: one.part), *plan.protections, *plan.deletions]
    for link in links:
        others = chains.get(link.stack, ())
        chains[link.stack] = (link, *others) if isinstance(link, Deletion) else (*others, link)
    return chains


def links_executed(plan: Plan, chain: Chain, stack: ObservedStack) -> int:
    """Return how many links are executed if the stack's last change set is one of theirs; 0 if it is none.

    In review a stack's ChangeSetId is only one that waits; of a stack deleted while in review, one that never ran.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    own = [place for place, link in enumerate(chain, start=1) if _made(plan, link, stack.change_set)]
    return max(own, default=0)


def _made(plan: Plan, link: Link, change_set: Arn) -> bool:
    match link:
        case Step():
            return link.change_set == change_set
        case Deferred():
            # arn:aws:cloudformation:us-east-1:111122223333:changeSet/NAME/uuid
            return f":changeSet/{change_set_name(plan.deployment, plan.id, link.part)}/" in change_set
        case Deletion() | Protection():
            return False


def after_review(plan: Plan, ended: Iterable[Outcome]) -> Plan:
    """Return the plan in which every deferred change set that was left for review is an ordinary step."""
    made = {(one.stack, one.step.part): one.step for one in ended if isinstance(one, Deviated)}
    return replace(
        plan,
        steps=(*plan.steps, *made.values()),
        deferred=tuple(one for one in plan.deferred if (one.stack, one.part) not in made),
    )
