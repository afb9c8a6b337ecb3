"""Deleting a deployment: only its stacks, found by their tag, in reverse order; and what remains of it.

First one stack with its contents, then the deployment.
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
    """What the deletion of a stack works with."""

    clients: Clients
    emit: Emit
    watch: Watch
    run_id: str
    allow: Collection[str] = ()


async def delete_stack(context: DeleteContext, contents: StackContents) -> Done | StackFailed:
    """Empty the stack and delete it, once no operation runs on it; return the outcome.

    Raises Stopped, before anything in it is changed, where a protection of it may not be lifted, or by `check_clear`.
    """
    contents = await settled(context, contents)
    if contents.stack.status == "DELETE_COMPLETE":
        return Done(contents.id, contents.stack.status)
    check_clear([contents])
    if contents.protections is None:
        contents = await observe_holds(contents, context.clients)
    named = {hit.allow for hit in protection_hits(contents)}
    check_removable([contents], [name for name in context.allow if name in named])
    await lift(contents, context.clients, context.emit)
    await _drop_reviews(context, contents)
    await empty(contents, context.clients, context.emit)
    await _delete_kept(context, contents)
    stack = await _try_to_delete(context, contents, contents.stack, attempt=1)
    for attempt in range(2, _TRIES + 1):
        if stack.status == "DELETE_COMPLETE":
            break
        await unblock(contents.id, stack, context.clients)
        stack = await _try_to_delete(context, contents, stack, attempt)
    if stack.status == "DELETE_COMPLETE":
        return Done(contents.id, stack.status)
    return await _broke(context, contents, stack)


async def _delete_kept(context: DeleteContext, contents: StackContents) -> None:
    """Delete the retained data that was named, while the stack still lists it: no stack lists it afterwards."""
    for data in contents.deleted:
        context.emit(Started(stack=contents.id, what=f"DELETE {data.physical_id}"))
        remove = HOLDERS[data.type].remove
        if remove is not None:
            await remove(context.clients.of(data.site), data.site.region, data.physical_id)


async def settled(context: DeleteContext, contents: StackContents) -> StackContents:
    """Wait for the operation that runs on the stack, if any; return its contents then."""
    if contents.stack.facts.settled:
        return contents
    running = await observe_token(context.clients, contents.stack)
    context.emit(Waiting(stack=contents.id, status=contents.stack.status, token=running))
    stack = await context.watch.until(contents.stack.arn, lambda seen: seen.facts.settled, DEADLINE_S)
    now = await observe_stack_contents(contents.id, stack, context.clients)
    return replace(now, deleted=tuple(data for data in now.kept if data in contents.deleted))


async def _drop_reviews(context: DeleteContext, contents: StackContents) -> None:
    """Delete the unexecuted change sets of nested stacks, and with them the nested stacks that only wait for one.

    The deletion of their root leaves such stacks in REVIEW_IN_PROGRESS (*unverified*), and nobody could delete their
    change sets then.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    """
    if not contents.may_nest_reviews:
        return
    waiting = await observe_change_sets(context.clients, contents.id, contents.stack.site, contents.stack.arn)
    await together(
        _drop_review(
            context,
            PendingChangeSet(
                contents.id, contents.stack.site, Arn(each["ChangeSetId"]), contents.stack.arn, nested=True
            ),
        )
        for each in waiting
        # The last executed one is still listed, and cannot be deleted.
        if each.get("IncludeNestedStacks") and each.get("ExecutionStatus") in IDLE
    )


async def _drop_review(context: DeleteContext, review: PendingChangeSet) -> None:
    try:
        await delete_change_set(context.clients, review)
    except AwsError as error:
        # A plan's policy allows only our own names of change sets; others are deleted with their stack.
        if error.code != "AccessDenied":
            raise


async def _try_to_delete(
    context: DeleteContext, contents: StackContents, before: ObservedStack, attempt: int
) -> ObservedStack:
    """Request the deletion of the stack, read `before`, and return the stack once the deletion has ended."""
    context.emit(Started(stack=contents.id, what="DELETE"))
    await _ask(context, contents, before, attempt)
    return await context.watch.until(contents.stack.arn, settled_after(before.status), DEADLINE_S)


async def _ask(context: DeleteContext, contents: StackContents, before: ObservedStack, attempt: int) -> None:
    """Request the deletion; repeat it once another's operation that made AWS refuse it has ended."""
    client = context.clients.of(contents.stack.site).cloudformation(contents.stack.region)
    token = _token(context, contents, attempt)
    try:
        await call(contents.id, client.delete_stack, StackName=contents.stack.arn, ClientRequestToken=token)
    except AwsError as error:
        if error.code == "TokenAlreadyExistsException":
            return  # boto3 repeated a request whose answer was lost, and the deletion had ended already
        stack = await observe_stack(context.clients, contents.stack.site, contents.stack.arn)
        if stack is None or (stack.facts.settled and stack.last_change == before.last_change):
            raise
        settled = await context.watch.until(contents.stack.arn, lambda seen: seen.facts.settled, DEADLINE_S)
        await _ask(context, contents, settled, attempt)


async def _broke(context: DeleteContext, contents: StackContents, stack: ObservedStack) -> StackFailed:
    cause = await observe_cause(context.clients, stack, _token(context, contents, _TRIES))
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    context.emit(FirstFailure(stack=contents.id, resource=resource, reason=reason))
    return StackFailed(
        contents.id, stack.status, resource, reason, next_step="python -m builder destroy    goes on from here"
    )


def _token(context: DeleteContext, contents: StackContents, attempt: int) -> str:
    return token(context.run_id, contents.id, f"delete-{attempt}")


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A site or stack that could not be read and that the assembly does not name."""

    site: Site
    because: str


@dataclass(frozen=True, slots=True)
class FoundStacks:
    """The stacks of a deployment, and the sites and stacks that could not be read."""

    stacks: tuple[StackContents, ...]
    unseen: tuple[Unreachable, ...]


async def find_deployed(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[StackContents, ...]:
    """Return every stack of the deployment in these sites, whether an assembly has it or not."""
    return (await find_deployment(deployment, sites, (), clients)).stacks


async def find_deployment(
    deployment: str, sites: tuple[Site, ...], other_sites: tuple[Site, ...], clients: Clients
) -> FoundStacks:
    """Return every stack of the deployment in these sites, and in others as far as they can be read.

    A region that the account has not opted in to has none. Raises AwsError where one of `sites` does not answer.
    """
    by_site = await together(
        (
            *(_find_in_site(deployment, site, clients) for site in sites),
            *(_find_if_reachable(deployment, site, clients) for site in other_sites if site not in sites),
        )
    )
    stacks: dict[Arn, StackContents] = {}
    for contents in (contents for site in by_site for contents in site.stacks):
        # A site that names the account of the credentials shows each of its stacks a second time.
        stacks.setdefault(contents.stack.arn, contents)
    return FoundStacks(
        stacks=tuple(stacks.values()),
        unseen=tuple(unreachable for site in by_site for unreachable in site.unseen),
    )


async def find_remaining(before: FoundStacks, deployment: str, clients: Clients) -> FoundStacks:
    """Return the stacks that remain.

    Only the sites they were in are read; what could not be read before is kept as such.
    """
    sites = tuple(dict.fromkeys(contents.stack.site for contents in before.stacks))
    after = await find_deployment(deployment, sites, (), clients)
    return FoundStacks(stacks=after.stacks, unseen=tuple(dict.fromkeys((*before.unseen, *after.unseen))))


async def _find_if_reachable(deployment: str, site: Site, clients: Clients) -> FoundStacks:
    try:
        return await _find_in_site(deployment, site, clients)
    except AwsError as error:
        return FoundStacks((), () if error.code in NOT_OPEN else (Unreachable(site, error.what),))


async def _find_in_site(deployment: str, site: Site, clients: Clients) -> FoundStacks:
    """Return the site's stacks that carry the deployment's tag, and those that hold nothing but its change sets.

    A stack may lack its tags until one of its change sets is executed.
    """
    every = await SiteView(clients, site).every_stack()
    bare = [stack for stack in every if _is_bare(stack)]
    reviews = await together(_is_under_review(deployment, clients, stack) for stack in bare)
    under_review = (stack for stack, is_ours in zip(bare, reviews, strict=True) if is_ours is True)
    ours = (*of_deployment(every, deployment), *under_review)
    deployed = await together(observe_stack_contents(_stack_id(stack), stack, clients) for stack in ours)
    return FoundStacks(
        tuple(replace(contents, may_nest_reviews=_nests_reviews(contents.stack, every)) for contents in deployed),
        tuple(review for review in reviews if isinstance(review, Unreachable)),
    )


def _nests_reviews(root: ObservedStack, every: tuple[ObservedStack, ...]) -> bool:
    return any(stack.status == "REVIEW_IN_PROGRESS" for stack in (root, *inside([root], every)))


def _is_bare(stack: ObservedStack) -> bool:
    """Return whether a stack holds nothing but change sets and has no deployment tag; False for nested stacks."""
    return stack.status == "REVIEW_IN_PROGRESS" and TAG_DEPLOYMENT not in stack.tags and stack.parent is None


async def _is_under_review(deployment: str, clients: Clients, stack: ObservedStack) -> bool | Unreachable:
    try:
        return await is_under_review_by(deployment, clients, stack)
    except AwsError as error:
        # Credentials that may delete the deployment may lack the right to read other people's stacks.
        if error.code != "AccessDenied":
            raise
        return Unreachable(stack.site, f"{stack.name}, which holds but change sets: {error.what}")


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The stacks to delete, and how."""

    stacks: tuple[StackContents, ...]
    needs: Mapping[StackId, tuple[StackId, ...]]
    """By stack, the stacks that have to exist as long as it does."""
    allow: Collection[str] = ()
    """The names of the protections to lift, as guard hits have them."""
    unprotect: bool = False
    """Whether to lift every protection that can be lifted."""


def make_needs(
    stacks: tuple[StackContents, ...], known: Mapping[StackId, tuple[StackId, ...]]
) -> dict[StackId, tuple[StackId, ...]]:
    """Return what each stack needs: the needs in the assembly, else every stack that was created before it.

    A stack that imports an output was created after the output's stack, which CloudFormation does not delete before it.
    """
    by_age = sorted(stacks, key=lambda contents: contents.stack.created)
    needs: dict[StackId, tuple[StackId, ...]] = {}
    for place, contents in enumerate(by_age):
        older = tuple(other.id for other in by_age[:place] if other.id != contents.id)
        needs.setdefault(contents.id, known.get(contents.id, older))
    return needs


async def delete_deployment(
    removal: Removal, clients: Clients, run_id: str, emit: progress.Emit
) -> tuple[progress.Outcome, ...]:
    """Delete the stacks with all they hold; return each one's outcome.

    A stack is deleted once all stacks that need it are. Replication is stopped everywhere before any bucket is emptied.
    Raises Stopped, before anything is changed, where a protection may not be lifted, or where no template states
    whether a resource that would be emptied is retained.
    """
    seen = await observe_protections(removal.stacks, clients)
    stacks = {contents.stack.arn: contents for contents in seen}
    allowed = allowed_names(check_removable(seen, removal.allow, unprotect=removal.unprotect))
    ids = {StackPlace(contents.stack.site, contents.stack.name): contents.id for contents in stacks.values()}
    watches = make_watches(ids, clients, emit, known={arn: contents.stack.status for arn, contents in stacks.items()})
    emit(progress.RunBegun(what="destroy", stacks=tuple(dict.fromkeys(ids.values()))))
    await together(stop_writes(contents, clients) for contents in seen)

    async def delete(arn: Arn, _before: Mapping[Arn, progress.Outcome]) -> progress.Outcome:
        contents = stacks[arn]
        context = DeleteContext(clients, emit, watches[contents.stack.site], run_id, allowed)
        return await _delete_stack(context, contents)

    def cancel(arn: Arn, dependant: Arn | None) -> progress.Outcome:
        because = f"{stacks[dependant].id}, which needs it, is still there" if dependant else "interrupted"
        emit(progress.NotStarted(stack=stacks[arn].id, because=because))
        return progress.Cancelled(stacks[arn].id, because=because)

    dependants = {
        arn: [other for other, stack in stacks.items() if contents.id in removal.needs.get(stack.id, ())]
        for arn, contents in stacks.items()
    }
    ended = await run_in_order(stacks, dependants, Work(delete, cancel, progress.is_done))
    return tuple(ended.values())


async def _delete_stack(context: DeleteContext, contents: StackContents) -> progress.Outcome:
    try:
        outcome = await delete_stack(context, contents)
    except BuilderError as error:
        context.emit(progress.FirstFailure(stack=contents.id, resource="", reason=error.what))
        return progress.StackFailed(contents.id, status="", resource="", reason=error.what, next_step=error.next_step)
    if isinstance(outcome, progress.Done):
        context.emit(progress.Finished(stack=contents.id, status=outcome.status))
    return outcome
