"""Deleting a deployment: found by its tag, in reverse order, nothing else touched; and what is left of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy import progress
from builder.deploy.delete.stack import (
    DeleteContext,
    StackContents,
    check_removable,
    delete_stack,
    observe_stack_contents,
    stop_writes,
)
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK
from builder.deploy.observe.deployment import NOT_OPEN
from builder.deploy.observe.nested import inside
from builder.deploy.observe.stacks import ObservedStack, SiteView, of_deployment
from builder.deploy.observe.watch import make_watches
from builder.deploy.plan.guards import allowed_names
from builder.deploy.plan.pending import is_under_review_by
from builder.deploy.run_in_order import Work, run_in_order
from builder.errors import AwsError, BuilderError
from builder.terms import Arn, Site, StackId, StackPlace


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A site, or a stack in it, that could not be looked at, and that nobody said to be any of the deployment."""

    site: Site
    because: str


@dataclass(frozen=True, slots=True)
class FoundStacks:
    """All that stands, and where that could not be told."""

    standing: tuple[StackContents, ...]
    unseen: tuple[Unreachable, ...]


async def find_deployed(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[StackContents, ...]:
    """Return every stack of the deployment in these sites, whether an assembly has it or not."""
    return (await find_deployment(deployment, sites, (), clients)).standing


async def find_deployment(
    deployment: str, sites: tuple[Site, ...], elsewhere: tuple[Site, ...], clients: Clients
) -> FoundStacks:
    """Return every stack of the deployment in these sites, and in others as far as they can be looked at.

    A region that the account has not opted in to has none. Raises AwsError where one of `sites` does not answer.
    """
    seen = await together(
        (
            *(_look(deployment, site, clients) for site in sites),
            *(_look_elsewhere(deployment, site, clients) for site in elsewhere if site not in sites),
        )
    )
    return FoundStacks(
        standing=tuple(one for part in seen for one in part.standing),
        unseen=tuple(one for part in seen for one in part.unseen),
    )


async def look_after(before: FoundStacks, deployment: str, clients: Clients) -> FoundStacks:
    """Return what is left of what stood; only where it stood is looked again, and what was not seen stays unseen."""
    sites = tuple(dict.fromkeys(one.stack.site for one in before.standing))
    after = await find_deployment(deployment, sites, (), clients)
    return FoundStacks(standing=after.standing, unseen=tuple(dict.fromkeys((*before.unseen, *after.unseen))))


async def _look_elsewhere(deployment: str, site: Site, clients: Clients) -> FoundStacks:
    try:
        return await _look(deployment, site, clients)
    except AwsError as error:
        return FoundStacks((), () if error.code in NOT_OPEN else (Unreachable(site, error.what),))


async def _look(deployment: str, site: Site, clients: Clients) -> FoundStacks:
    """Return the site's stacks that carry the deployment's tag, and those that hold nothing but its change sets.

    A stack may have its tags only once a change set of it was executed.
    """
    every = await SiteView(clients, site).every_stack()
    bare = [stack for stack in every if _is_bare(stack)]
    found = await together(_is_under_review(deployment, clients, stack) for stack in bare)
    under_review = (stack for stack, is_ours in zip(bare, found, strict=True) if is_ours is True)
    ours = (*of_deployment(every, deployment), *under_review)
    standing = await together(observe_stack_contents(_stack_id(stack), stack, clients) for stack in ours)
    return FoundStacks(
        tuple(replace(one, may_nest_reviews=_nests_reviews(one.stack, every)) for one in standing),
        tuple(one for one in found if isinstance(one, Unreachable)),
    )


def _nests_reviews(root: ObservedStack, every: tuple[ObservedStack, ...]) -> bool:
    return any(stack.status == "REVIEW_IN_PROGRESS" for stack in (root, *inside([root], every)))


def _is_bare(stack: ObservedStack) -> bool:
    """Return whether it holds nothing but change sets, and no tag tells whose; nested ones go with their roots'."""
    return stack.status == "REVIEW_IN_PROGRESS" and TAG_DEPLOYMENT not in stack.tags and stack.parent is None


async def _is_under_review(deployment: str, clients: Clients, stack: ObservedStack) -> bool | Unreachable:
    try:
        return await is_under_review_by(deployment, clients, stack)
    except AwsError as error:
        # Who may take the deployment down may not look into the stacks of strangers.
        if error.code != "AccessDenied":
            raise
        return Unreachable(stack.site, f"{stack.name}, which holds but change sets: {error.what}")


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is to be removed, and how."""

    standing: tuple[StackContents, ...]
    needs: Mapping[StackId, tuple[StackId, ...]]
    """By stack, what has to stay for as long as the stack is there."""
    allow: Collection[str] = ()
    """Names the stacks whose termination protection is lifted, as guards do."""


def make_needs(
    standing: tuple[StackContents, ...], known: Mapping[StackId, tuple[StackId, ...]]
) -> dict[StackId, tuple[StackId, ...]]:
    """Return what each stack needs: as an assembly knows it, else every stack that was created before it.

    What imports another's output was created after it, and CloudFormation deletes no stack whose output is in use.
    """
    by_age = sorted(standing, key=lambda one: one.stack.created)
    needs: dict[StackId, tuple[StackId, ...]] = {}
    for place, one in enumerate(by_age):
        older = tuple(other.id for other in by_age[:place] if other.id != one.id)
        needs.setdefault(one.id, known.get(one.id, older))
    return needs


async def delete_deployment(
    removal: Removal, clients: Clients, run_id: str, emit: progress.Emit
) -> tuple[progress.Outcome, ...]:
    """Delete the stacks and all they hold; return each one's outcome.

    A stack goes when all that need it are gone. Replication is stopped everywhere before any bucket is emptied.
    Raises Stopped, before anything is changed, where a stack has termination protection that may not be lifted, or
    where nothing tells whether what would be emptied is to stay.
    """
    standing = {one.stack.arn: one for one in removal.standing}
    allowed = allowed_names(check_removable(removal.standing, removal.allow))
    ids = {StackPlace(one.stack.site, one.stack.name): one.id for one in standing.values()}
    watches = make_watches(ids, clients, emit, known={arn: one.stack.status for arn, one in standing.items()})
    emit(progress.RunBegun(what="destroy", stacks=tuple(dict.fromkeys(ids.values()))))
    await together(stop_writes(one, clients) for one in removal.standing)

    async def delete(arn: Arn, _before: Mapping[Arn, progress.Outcome]) -> progress.Outcome:
        one = standing[arn]
        return await _delete(DeleteContext(clients, emit, watches[one.stack.site], run_id, allowed), one)

    def cancel(arn: Arn, dependant: Arn | None) -> progress.Outcome:
        because = f"{standing[dependant].id}, which needs it, is still there" if dependant else "interrupted"
        emit(progress.NotStarted(stack=standing[arn].id, because=because))
        return progress.Cancelled(standing[arn].id, because=because)

    dependants = {
        arn: [other for other, stack in standing.items() if one.id in removal.needs.get(stack.id, ())]
        for arn, one in standing.items()
    }
    ended = await run_in_order(standing, dependants, Work(delete, cancel, progress.is_done))
    return tuple(ended.values())


async def _delete(context: DeleteContext, one: StackContents) -> progress.Outcome:
    try:
        outcome = await delete_stack(context, one)
    except BuilderError as error:
        context.emit(progress.FirstFailure(stack=one.id, resource="", reason=error.what))
        return progress.StackFailed(one.id, status="", resource="", reason=error.what, next_step=error.next_step)
    if isinstance(outcome, progress.Done):
        context.emit(progress.Finished(stack=one.id, status=outcome.status))
    return outcome
