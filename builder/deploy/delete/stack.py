"""Deleting one stack with all that it holds: emptied first, and helped where its deletion is refused."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.deploy.observe.events import observe_cause, observe_token
from builder.deploy.observe.nested import observe_contents
from builder.deploy.observe.stacks import ObservedStack, observe_stack, remember_protected
from builder.deploy.observe.watch import DEADLINE_S, Watch, settled_after
from builder.deploy.plan.change_set import PendingChangeSet, delete, token
from builder.deploy.plan.guards import Permission, check_allowed, protection_hit
from builder.deploy.plan.pending import IDLE, observe_change_sets
from builder.deploy.progress import BucketEmptied, Done, Emit, FirstFailure, StackFailed, Started, Waiting
from builder.deploy.resources import HOLDERS
from builder.errors import AwsError, Stopped, gathered
from builder.terms import Arn, LogicalId, StackId

_TRIES = 3


@dataclass(frozen=True, slots=True)
class StackContents:
    """One stack that is there, with what it and the stacks nested in it hold."""

    id: StackId
    stack: ObservedStack
    holders: tuple[tuple[str, str], ...]
    """Type and physical id of each resource that holds data, and goes."""
    retained: tuple[tuple[str, str], ...] = ()
    """Type and physical id of each resource that the stack's template leaves behind."""
    unclear: tuple[tuple[LogicalId, str], ...] = ()
    """Logical id, or path below nested stacks, and type of each that would be emptied, if only it was said to go."""
    may_nest_reviews: bool = True
    """Whether stacks that are to be nested in it may wait for a review; False where a listing shows none."""


@dataclass(frozen=True, slots=True)
class DeleteContext:
    """What a stack is taken down with."""

    clients: Clients
    emit: Emit
    watch: Watch
    run_id: str
    allow: Collection[str] = ()


async def observe_stack_contents(stack_id: StackId, stack: ObservedStack, clients: Clients) -> StackContents:
    """Return the stack with what it holds, in nested stacks too; what a template leaves behind keeps all that is in it.

    A nested stack is deleted by its root's deletion alone, but emptied like it.
    """
    held = await observe_contents(clients, stack, where=stack_id)
    holders = [one for one in held if one.type in HOLDERS]
    return StackContents(
        stack_id,
        stack,
        holders=tuple((one.type, one.physical_id) for one in holders if one.fate in {"Delete", "Snapshot"}),
        retained=tuple((one.type, one.physical_id) for one in held if one.fate == "Retain"),
        unclear=tuple((one.path, one.type) for one in holders if one.fate is None and HOLDERS[one.type].is_helped),
    )


def check_clear(standing: Iterable[StackContents]) -> None:
    """Return if it is known of all that would be emptied that it goes with its stack. Raises Stopped, or Several.

    While an operation runs on a stack nobody can tell; it is looked at again afterwards.
    """
    errors = [_unclear(one) for one in standing if one.unclear and one.stack.facts.settled]
    if errors:
        raise gathered(errors)


def _unclear(one: StackContents) -> Stopped:
    named = ", ".join(f"{name} ({kind})" for name, kind in one.unclear)
    return Stopped(
        where=one.id,
        what=f"{named}: the deployed template does not tell whether it stays when the stack goes. Nothing was emptied",
        next_step=f"aws cloudformation delete-stack --region {one.stack.region} --stack-name {one.stack.name}"
        "    keeps what is to stay, and empties nothing",
    )


def check_removable(standing: Iterable[StackContents], allow: Collection[str]) -> tuple[Permission, ...]:
    """Return what each `allow` lets pass, if all that goes is known and each protected stack is allowed to be deleted.

    Raises Stopped, naming those that are not, or Several; BadInput for an `allow` that names nothing of it.
    """
    standing = tuple(standing)
    check_clear(standing)
    return check_allowed((protection_hit(one.id) for one in standing if one.stack.termination_protection), (), allow)


async def stop_writes(standing: StackContents, clients: Clients) -> None:
    """Stop whatever would fill again what is about to be emptied."""
    await together(
        HOLDERS[kind].stop_writes(clients.of(standing.stack.site), standing.stack.region, physical_id)
        for kind, physical_id in standing.holders
    )


async def delete_stack(work: DeleteContext, one: StackContents) -> Done | StackFailed:
    """Empty the stack and delete it, once no operation runs on it; return how that ended.

    Raises Stopped, with all in it as it was, where its termination protection may not be lifted or `check_clear` does.
    """
    one = await settled(work, one)
    if one.stack.status == "DELETE_COMPLETE":
        return Done(one.id, one.stack.status)
    check_clear([one])
    await _lift_protection(work, one)
    await _drop_reviews(work, one)
    await empty(one, work.clients, work.emit)
    stack = await _delete(work, one, one.stack, attempt=1)
    for attempt in range(2, _TRIES + 1):
        if stack.status == "DELETE_COMPLETE":
            break
        await release(one.id, stack, work.clients)
        stack = await _delete(work, one, stack, attempt)
    return Done(one.id, stack.status) if stack.status == "DELETE_COMPLETE" else await _broke(work, one, stack)


async def empty(one: StackContents, clients: Clients, emit: Emit) -> None:
    """Remove what keeps the stack from being deleted, once nothing fills it again."""
    await stop_writes(one, clients)
    for kind, physical_id in one.holders:
        told = _teller(emit, one.id, physical_id)
        await HOLDERS[kind].empty(clients.of(one.stack.site), one.stack.region, physical_id, told)


async def release(stack_id: StackId, stack: ObservedStack, clients: Clients) -> None:
    """Remove what the deletion was refused for; there may be more in the stack than was found in it at first."""
    now = await observe_stack_contents(stack_id, stack, clients)
    check_clear([now])
    await stop_writes(now, clients)
    for kind, physical_id in now.holders:
        await HOLDERS[kind].release(clients.of(stack.site), stack.region, physical_id)


async def settled(work: DeleteContext, one: StackContents) -> StackContents:
    """Wait for the operation that runs on the stack, if any; return what it then holds."""
    if one.stack.facts.settled:
        return one
    running = await observe_token(work.clients, one.stack)
    work.emit(Waiting(stack=one.id, status=one.stack.status, token=running))
    stack = await work.watch.until(one.stack.arn, lambda seen: seen.facts.settled, DEADLINE_S)
    return await observe_stack_contents(one.id, stack, work.clients)


async def _lift_protection(work: DeleteContext, one: StackContents) -> None:
    if not one.stack.termination_protection:
        return
    allowed = protection_hit(one.id).allow
    check_removable([one], [name for name in work.allow if name == allowed])
    work.emit(Started(stack=one.id, what="LIFT PROTECTION"))
    client = work.clients.of(one.stack.site).cloudformation(one.stack.region)
    await call(one.id, client.update_termination_protection, StackName=one.stack.arn, EnableTerminationProtection=False)
    remember_protected(work.clients, one.stack.site, one.stack.name, protected=False)


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
        await delete(work.clients, asked)
    except AwsError as error:
        # A plan's policy is for change sets of our own names; a stranger's goes with its stack.
        if error.code != "AccessDenied":
            raise


def _teller(emit: Emit, stack: StackId, bucket: str) -> Callable[[int], None]:
    """Return what says how far the emptying that begins now has come."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    def tell(versions: int) -> None:
        passed_s = max(loop.time() - began, 0.001)
        emit(BucketEmptied(stack=stack, bucket=bucket, versions=versions, per_second=round(versions / passed_s)))

    return tell


async def _delete(work: DeleteContext, one: StackContents, before: ObservedStack, attempt: int) -> ObservedStack:
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
