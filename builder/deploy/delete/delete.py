"""Deleting a deployment: found by its tag, in reverse order, nothing else touched; and what is left of it.

First one stack with all that it holds, then the deployment.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, call, together
from builder.deploy import progress
from builder.deploy.change_sets.change_set import (
    IDLE,
    PendingChangeSet,
    delete_change_set,
    is_under_review_by,
    observe_change_sets,
    token,
)
from builder.deploy.delete.contents import (
    StackContents,
    check_clear,
    empty,
    observe_stack_contents,
    stop_writes,
    unblock,
)
from builder.deploy.delete.protections import (
    check_removable,
    lift,
    observe_holds,
    observe_protections,
    protection_hits,
)
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK
from builder.deploy.observe.deployment import NOT_OPEN, inside
from builder.deploy.observe.operation import (
    DEADLINE_S,
    Watch,
    make_watches,
    observe_cause,
    observe_token,
    settled_after,
)
from builder.deploy.observe.stacks import ObservedStack, SiteView, observe_stack, of_deployment
from builder.deploy.plan.guards import allowed_names
from builder.deploy.progress import Done, Emit, FirstFailure, StackFailed, Started, Waiting, Work, run_in_order
from builder.deploy.resources import HOLDERS
from builder.errors import AwsError, BuilderError
from builder.terms import Arn, Site, StackId, StackPlace

_TRIES = 3


@dataclass(frozen=True, slots=True)
class DeleteContext:
    """What a stack is taken down with."""

    clients: Clients
    emit: Emit
    watch: Watch
    run_id: str
    allow: Collection[str] = ()


async def delete_stack(work: DeleteContext, one: StackContents) -> Done | StackFailed:
    """Empty the stack and delete it, once no operation runs on it; return how that ended.

    Raises Stopped, with all in it as it was, where a protection of it may not be lifted or `check_clear` does.
    """
    one = await settled(work, one)
    if one.stack.status == "DELETE_COMPLETE":
        return Done(one.id, one.stack.status)
    check_clear([one])
    if one.protections is None:
        one = await observe_holds(one, work.clients)
    named = {hit.allow for hit in protection_hits(one)}
    check_removable([one], [name for name in work.allow if name in named])
    await lift(one, work.clients, work.emit)
    await _drop_reviews(work, one)
    await empty(one, work.clients, work.emit)
    await _delete_kept(work, one)
    stack = await _try_to_delete(work, one, one.stack, attempt=1)
    for attempt in range(2, _TRIES + 1):
        if stack.status == "DELETE_COMPLETE":
            break
        await unblock(one.id, stack, work.clients)
        stack = await _try_to_delete(work, one, stack, attempt)
    return Done(one.id, stack.status) if stack.status == "DELETE_COMPLETE" else await _broke(work, one, stack)


async def _delete_kept(work: DeleteContext, one: StackContents) -> None:
    """Delete the retained data that was named, while the stack still lists it: from then on nobody would."""
    for data in one.deleted:
        work.emit(Started(stack=one.id, what=f"DELETE {data.physical_id}"))
        remove = HOLDERS[data.type].remove
        if remove is not None:
            await remove(work.clients.of(data.site), data.site.region, data.physical_id)


async def settled(work: DeleteContext, one: StackContents) -> StackContents:
    """Wait for the operation that runs on the stack, if any; return what it then holds."""
    if one.stack.facts.settled:
        return one
    running = await observe_token(work.clients, one.stack)
    work.emit(Waiting(stack=one.id, status=one.stack.status, token=running))
    stack = await work.watch.until(one.stack.arn, lambda seen: seen.facts.settled, DEADLINE_S)
    now = await observe_stack_contents(one.id, stack, work.clients)
    return replace(now, deleted=tuple(data for data in now.kept if data in one.deleted))


async def _drop_reviews(work: DeleteContext, one: StackContents) -> None:
    """Delete what was planned of nested stacks and not executed, and with it those that only wait for it.

    The deletion of their root leaves them in review (*unverified*), and nobody could delete their change sets then.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    """
    if not one.may_nest_reviews:
        return
    waiting = await observe_change_sets(work.clients, one.id, one.stack.site, one.stack.arn)
    await together(
        _drop_review(
            work, PendingChangeSet(one.id, one.stack.site, Arn(each["ChangeSetId"]), one.stack.arn, nested=True)
        )
        for each in waiting
        # The one that was executed last is still listed, and cannot be deleted.
        if each.get("IncludeNestedStacks") and each.get("ExecutionStatus") in IDLE
    )


async def _drop_review(work: DeleteContext, asked: PendingChangeSet) -> None:
    try:
        await delete_change_set(work.clients, asked)
    except AwsError as error:
        # A plan's policy is for change sets of our own names; a stranger's goes with its stack.
        if error.code != "AccessDenied":
            raise


async def _try_to_delete(work: DeleteContext, one: StackContents, before: ObservedStack, attempt: int) -> ObservedStack:
    """Ask for the deletion of the stack, which was seen as `before`, and return it as that ended."""
    work.emit(Started(stack=one.id, what="DELETE"))
    await _ask(work, one, before, attempt)
    return await work.watch.until(one.stack.arn, settled_after(before.status), DEADLINE_S)


async def _ask(work: DeleteContext, one: StackContents, before: ObservedStack, attempt: int) -> None:
    """Ask for the deletion, and again where somebody else's operation on the stack was in the way and has ended."""
    client = work.clients.of(one.stack.site).cloudformation(one.stack.region)
    token = _token(work, one, attempt)
    try:
        await call(one.id, client.delete_stack, StackName=one.stack.arn, ClientRequestToken=token)
    except AwsError as error:
        if error.code == "TokenAlreadyExistsException":
            return  # an answer was lost, and when boto3 asked again this very deletion had ended already
        stack = await observe_stack(work.clients, one.stack.site, one.stack.arn)
        if stack is None or (stack.facts.settled and stack.last_change == before.last_change):
            raise
        settled = await work.watch.until(one.stack.arn, lambda seen: seen.facts.settled, DEADLINE_S)
        await _ask(work, one, settled, attempt)


async def _broke(work: DeleteContext, one: StackContents, stack: ObservedStack) -> StackFailed:
    cause = await observe_cause(work.clients, stack, _token(work, one, _TRIES))
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    work.emit(FirstFailure(stack=one.id, resource=resource, reason=reason))
    return StackFailed(
        one.id, stack.status, resource, reason, next_step="python -m builder destroy    goes on from here"
    )


def _token(work: DeleteContext, one: StackContents, attempt: int) -> str:
    return token(work.run_id, one.id, f"delete-{attempt}")


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A site, or a stack in it, that could not be looked at, and that nobody said to be any of the deployment."""

    site: Site
    because: str


@dataclass(frozen=True, slots=True)
class FoundStacks:
    """All that stands, and where that could not be told."""

    stacks: tuple[StackContents, ...]
    unseen: tuple[Unreachable, ...]


async def find_deployed(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[StackContents, ...]:
    """Return every stack of the deployment in these sites, whether an assembly has it or not."""
    return (await find_deployment(deployment, sites, (), clients)).stacks


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
    standing: dict[Arn, StackContents] = {}
    for one in (one for part in seen for one in part.stacks):
        # Who names the account of the credentials names each of its stacks once more.
        standing.setdefault(one.stack.arn, one)
    return FoundStacks(
        stacks=tuple(standing.values()),
        unseen=tuple(one for part in seen for one in part.unseen),
    )


async def find_remaining(before: FoundStacks, deployment: str, clients: Clients) -> FoundStacks:
    """Return what is left of what stood; only where it stood is looked again, and what was not seen stays unseen."""
    sites = tuple(dict.fromkeys(one.stack.site for one in before.stacks))
    after = await find_deployment(deployment, sites, (), clients)
    return FoundStacks(stacks=after.stacks, unseen=tuple(dict.fromkeys((*before.unseen, *after.unseen))))


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

    stacks: tuple[StackContents, ...]
    needs: Mapping[StackId, tuple[StackId, ...]]
    """By stack, what has to stay for as long as the stack is there."""
    allow: Collection[str] = ()
    """Names the protections that are lifted, as guards do."""
    unprotect: bool = False
    """All of them are lifted that can be."""


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
    Raises Stopped, before anything is changed, where a protection stands that may not be lifted, or where nothing tells
    whether what would be emptied is to stay.
    """
    seen = await observe_protections(removal.stacks, clients)
    standing = {one.stack.arn: one for one in seen}
    allowed = allowed_names(check_removable(seen, removal.allow, unprotect=removal.unprotect))
    ids = {StackPlace(one.stack.site, one.stack.name): one.id for one in standing.values()}
    watches = make_watches(ids, clients, emit, known={arn: one.stack.status for arn, one in standing.items()})
    emit(progress.RunBegun(what="destroy", stacks=tuple(dict.fromkeys(ids.values()))))
    await together(stop_writes(one, clients) for one in seen)

    async def delete(arn: Arn, _before: Mapping[Arn, progress.Outcome]) -> progress.Outcome:
        one = standing[arn]
        return await _delete_stack(DeleteContext(clients, emit, watches[one.stack.site], run_id, allowed), one)

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


async def _delete_stack(context: DeleteContext, one: StackContents) -> progress.Outcome:
    try:
        outcome = await delete_stack(context, one)
    except BuilderError as error:
        context.emit(progress.FirstFailure(stack=one.id, resource="", reason=error.what))
        return progress.StackFailed(one.id, status="", resource="", reason=error.what, next_step=error.next_step)
    if isinstance(outcome, progress.Done):
        context.emit(progress.Finished(stack=one.id, status=outcome.status))
    return outcome
