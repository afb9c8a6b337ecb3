"""Deleting one stack with all that it holds: emptied first, and helped where its deletion is refused."""

import asyncio
import functools
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.deploy.cause import observe_cause
from builder.deploy.change_set import token
from builder.deploy.observe import ObservedStack, observe_resources, observe_stack
from builder.deploy.outcome import Broke, Done
from builder.deploy.preflight import LAG_S
from builder.deploy.progress import Emit, Emptied, FirstFailure, Started
from builder.deploy.resources import HOLDERS
from builder.deploy.watch import Watch
from builder.errors import AwsError
from builder.terms import StackId

_DEADLINE_S = 6 * 3600.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """One stack that is there, with what it holds."""

    id: StackId
    stack: ObservedStack
    holders: tuple[tuple[str, str], ...]
    """Type and physical id of each resource that holds data."""


@dataclass(frozen=True, slots=True)
class Demolition:
    """What a stack is taken down with."""

    clients: Clients
    emit: Emit
    watch: Watch
    run_id: str


async def observe_standing(stack_id: StackId, stack: ObservedStack, clients: Clients) -> Standing:
    """Return the stack with what it holds."""
    resources = await observe_resources(clients, stack)
    holders = tuple((one.type, one.physical_id) for one in resources if one.type in HOLDERS and one.physical_id)
    return Standing(stack_id, stack, holders)


async def quiesce(standing: Standing, clients: Clients) -> None:
    """Stop whatever would fill again what is about to be emptied."""
    await together(
        HOLDERS[kind].quiesce(clients, standing.stack.region, physical_id) for kind, physical_id in standing.holders
    )


async def take_down(work: Demolition, one: Standing) -> Done | Broke:
    """Empty the stack and delete it, waiting for an operation that runs on it; return how that ended."""
    if not one.stack.facts.settled:
        await _until_settled(work, one)
    for kind, physical_id in one.holders:
        told = functools.partial(_tell_emptied, work.emit, one.id, physical_id)
        await HOLDERS[kind].empty(work.clients, one.stack.region, physical_id, told)
    stack = await _delete(work, one, one.stack, attempt=1)
    for attempt in range(2, _TRIES + 1):
        if stack.status == "DELETE_COMPLETE":
            break
        await _release(work, one, stack)
        stack = await _delete(work, one, stack, attempt)
    return Done(one.id, stack.status) if stack.status == "DELETE_COMPLETE" else await _broke(work, one, stack)


async def _until_settled(work: Demolition, one: Standing) -> ObservedStack:
    return await work.watch.until(one.stack.arn, lambda stack: stack.facts.settled, _DEADLINE_S)


async def _release(work: Demolition, one: Standing, stack: ObservedStack) -> None:
    """Remove what the deletion was refused for; there may be more in the stack than was found in it at first."""
    now = await observe_standing(one.id, stack, work.clients)
    await quiesce(now, work.clients)
    for kind, physical_id in now.holders:
        await HOLDERS[kind].release(work.clients, stack.region, physical_id)


def _tell_emptied(emit: Emit, stack: StackId, bucket: str, versions: int) -> None:
    emit(Emptied(stack=stack, bucket=bucket, versions=versions))


async def _delete(work: Demolition, one: Standing, before: ObservedStack, attempt: int) -> ObservedStack:
    """Ask for the deletion of the stack, which was seen as `before`, and return it as that ended."""
    work.emit(Started(stack=one.id, what="DELETE"))
    await _ask(work, one, before, attempt)
    loop = asyncio.get_running_loop()
    asked, seen_deleting = loop.time(), False

    def over(stack: ObservedStack) -> bool:
        # A read may lag behind: the status from before counts only once the deletion has been seen to run, or could
        # have been.
        nonlocal seen_deleting
        seen_deleting = seen_deleting or stack.status == "DELETE_IN_PROGRESS"
        is_news = stack.status != before.status or seen_deleting or loop.time() - asked > LAG_S
        return stack.status == "DELETE_COMPLETE" or (stack.facts.settled and is_news)

    return await work.watch.until(one.stack.arn, over, _DEADLINE_S)


async def _ask(work: Demolition, one: Standing, before: ObservedStack, attempt: int) -> None:
    """Ask for the deletion, and again where somebody else's operation on the stack was in the way and has ended."""
    client = work.clients.cloudformation(one.stack.region)
    token = _token(work, one, attempt)
    try:
        await call(one.id, client.delete_stack, StackName=one.stack.arn, ClientRequestToken=token)
    except AwsError as error:
        if error.code == "TokenAlreadyExistsException":
            return  # an answer was lost, and when boto3 asked again this very deletion had ended already
        stack = await observe_stack(work.clients, one.stack.region, one.stack.arn)
        if stack is None or (stack.facts.settled and stack.last_change == before.last_change):
            raise
        await _ask(work, one, await _until_settled(work, one), attempt)


async def _broke(work: Demolition, one: Standing, stack: ObservedStack) -> Broke:
    cause = await observe_cause(work.clients, stack, _token(work, one, _TRIES))
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    work.emit(FirstFailure(stack=one.id, resource=resource, reason=reason))
    return Broke(one.id, stack.status, resource, reason, next_step="python -m builder destroy    goes on from here")


def _token(work: Demolition, one: Standing, attempt: int) -> str:
    return token(work.run_id, one.id, f"delete-{attempt}")
