"""Rolling back what stands halfway: first without skipping anything, then without what could not be rolled back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.aws import Clients, call
from builder.deploy.cause import observe_cause, observe_failed
from builder.deploy.change_set import token
from builder.deploy.observe import LAG_S, LOOK_S, ObservedStack, observe_stack
from builder.deploy.outcome import Broke, Done
from builder.deploy.progress import Emit, FirstFailure, Skipping, Started
from builder.deploy.recovery import Recovery
from builder.deploy.remedy import remedy
from builder.deploy.watch import DEADLINE_S, Watch, make_watches, settled_after
from builder.errors import AwsError, BuilderError
from builder.terms import LogicalId, Operation, Place, Site

# What stands in the way of planning; every other settled status does not.
_HALTED = frozenset({Operation.RECOVER, Operation.REFUSE})
_REPEATED = "TokenAlreadyExistsException"


@dataclass(frozen=True, slots=True)
class _Run:
    clients: Clients
    emit: Emit
    run_id: str
    watches: Mapping[Site, Watch]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One rollback of a stack, told from others by its client token."""

    token: str
    skip: tuple[LogicalId, ...] = ()


async def recover(
    recoveries: tuple[Recovery, ...], clients: Clients, run_id: str, emit: Emit
) -> tuple[Done | Broke, ...]:
    """Roll back all of these stacks, side by side, and return how that ended for each.

    Skips nothing but what the records say may be, and that only after it has failed once more. A stack that somebody
    else rolls back meanwhile is as good as rolled back by this.
    """
    ids = {Place(one.found.site, one.found.name): one.stack for one in recoveries}
    known = {one.found.arn: one.found.status for one in recoveries}
    run = _Run(clients, emit, run_id, make_watches(ids, clients, emit, known))
    return tuple(await asyncio.gather(*(_recover(run, one) for one in recoveries)))


async def _recover(run: _Run, one: Recovery) -> Done | Broke:
    try:
        attempt = _Attempt(token(run.run_id, one.stack, "recover 1"))
        stack = await _roll_back(run, one, attempt)
        skip = await _to_skip(run, one, stack, attempt)
        if skip:
            run.emit(Skipping(stack=one.stack, resources=skip))
            attempt = _Attempt(token(run.run_id, one.stack, "recover 2"), skip)
            stack = await _roll_back(run, one, attempt)
    except BuilderError as error:
        run.emit(FirstFailure(stack=one.stack, resource="", reason=error.what))
        return Broke(one.stack, status="", resource="", reason=error.what, next_step=error.next_step or _look(one))
    if stack.facts.operation in _HALTED:
        return await _broke(run, one, stack, attempt)
    return Done(one.stack, stack.status, next_step=_compare(one, attempt.skip))


async def _roll_back(run: _Run, one: Recovery, attempt: _Attempt) -> ObservedStack:
    """Roll the stack back, or go on with it, and return how it stands when that has ended."""
    run.emit(Started(stack=one.stack, what="ROLLBACK"))
    try:
        await _begin(run, one, attempt)
    except AwsError as refusal:
        if refusal.code not in {_REPEATED, "ValidationError"}:
            raise
        await _check_moved(run, one, refusal)
    over = settled_after("UPDATE_ROLLBACK_FAILED" if attempt.skip else one.found.status)
    return await run.watches[one.found.site].until(one.found.arn, over, DEADLINE_S)


async def _begin(run: _Run, one: Recovery, attempt: _Attempt) -> None:
    client, arn = run.clients.of(one.found.site).cloudformation(one.found.region), one.found.arn
    if one.found.status == "UPDATE_FAILED":
        await call(one.stack, client.rollback_stack, StackName=arn, ClientRequestToken=attempt.token)
        return
    skip: dict[str, Any] = {"ResourcesToSkip": attempt.skip} if attempt.skip else {}
    await call(one.stack, client.continue_update_rollback, StackName=arn, ClientRequestToken=attempt.token, **skip)


async def _check_moved(run: _Run, one: Recovery, refusal: AwsError) -> None:
    """Return if the stack is on its way all the same: after a lost answer boto3 asks again and is refused.

    Raises the refusal where the stack still stands as it was found.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    while refusal.code != _REPEATED:
        stack = await observe_stack(run.clients, one.found.site, one.found.arn)
        if stack is None or stack.facts.operation is not Operation.RECOVER:
            return
        if loop.time() - started > LAG_S:
            raise refusal
        await asyncio.sleep(LOOK_S)


async def _to_skip(run: _Run, one: Recovery, stack: ObservedStack, attempt: _Attempt) -> tuple[LogicalId, ...]:
    """Return what the next attempt skips: all that has failed again, if a person was shown all of it."""
    if stack.status != "UPDATE_ROLLBACK_FAILED" or not one.may_skip:
        return ()
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        failed = await observe_failed(run.clients, stack, attempt.token)
        # Events may lag behind the status; of somebody else's rollback there are none with our token.
        if failed or loop.time() - started > LAG_S:
            return tuple(sorted(failed)) if failed <= one.may_skip else ()
        await asyncio.sleep(LOOK_S)


async def _broke(run: _Run, one: Recovery, stack: ObservedStack, attempt: _Attempt) -> Broke:
    cause = await observe_cause(run.clients, stack, attempt.token)
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    run.emit(FirstFailure(stack=one.stack, resource=resource, reason=reason))
    return Broke(one.stack, stack.status, resource, reason, next_step=remedy(stack))


def _look(one: Recovery) -> str:
    return (
        f"aws cloudformation describe-stack-events --region {one.found.region} --stack-name {one.found.name}"
        "    shows what became of the stack"
    )


def _compare(one: Recovery, skipped: tuple[LogicalId, ...]) -> str:
    """Return what to do about resources that CloudFormation now takes for something else than they are."""
    if not skipped:
        return ""
    return (
        f"aws cloudformation detect-stack-drift --region {one.found.region} --stack-name {one.found.name}"
        f"    before the next update: {', '.join(skipped)} may not be as the template says"
    )
