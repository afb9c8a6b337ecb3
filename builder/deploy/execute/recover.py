"""Rolling back stacks whose update was halted, at first without skipping any resource."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.aws import Clients, call
from builder.deploy.change_sets.change_set import token
from builder.deploy.draft.draft import remedy
from builder.deploy.execute.halted import Recovery
from builder.deploy.observe.operation import (
    DEADLINE_S,
    Watch,
    make_watches,
    observe_cause,
    observe_failed,
    settled_after,
)
from builder.deploy.observe.stacks import (
    ObservedStack,
    observe_stack,
    unless_lagging,
)
from builder.deploy.progress import Done, Emit, FirstFailure, Skipping, StackFailed, Started
from builder.errors import AwsError, BuilderError
from builder.terms import LogicalId, Operation, Site, StackPlace

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
    """One rollback of a stack, identified by its client token."""

    token: str
    skip: tuple[LogicalId, ...] = ()


async def recover(
    recoveries: tuple[Recovery, ...], clients: Clients, run_id: str, emit: Emit
) -> tuple[Done | StackFailed, ...]:
    """Roll back all of these stacks concurrently, and return the outcome of each.

    Only resources that the records name are skipped, and only after they have failed once more. A stack that somebody
    else rolls back meanwhile counts as rolled back.
    """
    ids = {StackPlace(recovery.observed.site, recovery.observed.name): recovery.stack for recovery in recoveries}
    known = {recovery.observed.arn: recovery.observed.status for recovery in recoveries}
    run = _Run(clients, emit, run_id, make_watches(ids, clients, emit, known))
    return tuple(await asyncio.gather(*(_recover(run, recovery) for recovery in recoveries)))


async def _recover(run: _Run, recovery: Recovery) -> Done | StackFailed:
    try:
        attempt = _Attempt(token(run.run_id, recovery.stack, "recover 1"))
        stack = await _roll_back(run, recovery, attempt)
        skip = await _to_skip(run, recovery, stack, attempt)
        if skip:
            run.emit(Skipping(stack=recovery.stack, resources=skip))
            attempt = _Attempt(token(run.run_id, recovery.stack, "recover 2"), skip)
            stack = await _roll_back(run, recovery, attempt)
    except BuilderError as error:
        run.emit(FirstFailure(stack=recovery.stack, resource="", reason=error.what))
        return StackFailed(
            recovery.stack,
            status="",
            resource="",
            reason=error.what,
            next_step=error.next_step or _show_events(recovery),
        )
    if stack.facts.operation in _HALTED:
        return await _broke(run, recovery, stack, attempt)
    return Done(recovery.stack, stack.status, next_step=_compare(recovery, attempt.skip))


async def _roll_back(run: _Run, recovery: Recovery, attempt: _Attempt) -> ObservedStack:
    """Roll the stack back, or continue its rollback, and return the stack once that has ended."""
    run.emit(Started(stack=recovery.stack, what="ROLLBACK"))
    try:
        await _begin(run, recovery, attempt)
    except AwsError as refusal:
        if refusal.code not in {_REPEATED, "ValidationError"}:
            raise
        await _check_moved(run, recovery, refusal)
    over = settled_after("UPDATE_ROLLBACK_FAILED" if attempt.skip else recovery.observed.status)
    return await run.watches[recovery.observed.site].until(recovery.observed.arn, over, DEADLINE_S)


async def _begin(run: _Run, recovery: Recovery, attempt: _Attempt) -> None:
    client, arn = run.clients.of(recovery.observed.site).cloudformation(recovery.observed.region), recovery.observed.arn
    if recovery.observed.status == "UPDATE_FAILED":
        await call(recovery.stack, client.rollback_stack, StackName=arn, ClientRequestToken=attempt.token)
        return
    skip: dict[str, Any] = {"ResourcesToSkip": attempt.skip} if attempt.skip else {}
    await call(recovery.stack, client.continue_update_rollback, StackName=arn, ClientRequestToken=attempt.token, **skip)


async def _check_moved(run: _Run, recovery: Recovery, refusal: AwsError) -> None:
    """Raise the refusal unless the rollback is running (boto3 repeats a request whose answer was lost)."""

    async def is_halfway() -> bool:
        stack = await observe_stack(run.clients, recovery.observed.site, recovery.observed.arn)
        return stack is not None and stack.facts.operation is Operation.RECOVER

    if refusal.code != _REPEATED and await unless_lagging(is_halfway, bool):
        raise refusal


async def _to_skip(run: _Run, recovery: Recovery, stack: ObservedStack, attempt: _Attempt) -> tuple[LogicalId, ...]:
    """Return what the next attempt skips: all resources that have failed again, if a person was shown each."""
    if stack.status != "UPDATE_ROLLBACK_FAILED" or not recovery.may_skip:
        return ()
    # Events may lag behind the status; somebody else's rollback has none with our token.
    failed = await unless_lagging(lambda: observe_failed(run.clients, stack, attempt.token), lambda failed: not failed)
    return tuple(sorted(failed)) if failed <= recovery.may_skip else ()


async def _broke(run: _Run, recovery: Recovery, stack: ObservedStack, attempt: _Attempt) -> StackFailed:
    cause = await observe_cause(run.clients, stack, attempt.token)
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    run.emit(FirstFailure(stack=recovery.stack, resource=resource, reason=reason))
    return StackFailed(recovery.stack, stack.status, resource, reason, next_step=remedy(stack))


def _show_events(recovery: Recovery) -> str:
    stack = recovery.observed
    return (
        f"aws cloudformation describe-stack-events --region {stack.region} --stack-name {stack.name}"
        "    shows what became of the stack"
    )


def _compare(recovery: Recovery, skipped: tuple[LogicalId, ...]) -> str:
    """Return what to do about skipped resources, which may differ from what CloudFormation assumes."""
    if not skipped:
        return ""
    stack = recovery.observed
    return (
        f"aws cloudformation detect-stack-drift --region {stack.region} --stack-name {stack.name}"
        f"    before the next update: {', '.join(skipped)} may not be as the template says"
    )
