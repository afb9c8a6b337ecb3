"""Stopping what runs: each set's operation ends where it is, and the accounts not reached yet stay as they are.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StopStackSetOperation.html
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.deploy import Standing
from builder.deploy.observe import LAG_S
from builder.deploy.progress import Started, Status
from builder.deploy.watch import DEADLINE_S
from builder.errors import AwsError, Failed
from builder.fleet.observe import Operation, client_of, named, observe_operations
from builder.fleet.progress import FleetEmit
from builder.fleet.records import StackSet
from builder.fleet.standing import look_again, observe_sets
from builder.terms import StackId

# It ended by itself in between.
_OVER = frozenset({"InvalidOperationException", "OperationNotFoundException"})


@dataclass(frozen=True, slots=True)
class Stopped:
    """An operation that was told to stop; what it has begun in an account is done to its end there."""

    stack: StackId
    operation: Operation


async def stop_operations(standing: Iterable[Standing], clients: Clients, emit: FleetEmit) -> tuple[Stopped, ...]:
    """Stop every operation on the stacks' sets until they have settled and none runs any more; return all of them.

    A stack goes on after an operation that was stopped: with the set's next one, and with sets that do not need it.
    Raises Failed where that lasts longer than CloudFormation itself waits for a set.
    """
    loop, pace = asyncio.get_running_loop(), clients.tempo.stacks.pace
    began = news = loop.time()
    stopped: list[Stopped] = []
    shown: dict[StackId, str] = {}
    while loop.time() - began < DEADLINE_S:
        standing = await look_again(standing, clients)
        for one in standing:
            if not one.stack.facts.settled and shown.get(one.id) != one.stack.status:
                shown[one.id] = one.stack.status
                emit(Status(stack=one.id, status=one.stack.status))
        running = await _running(await observe_sets(standing, clients), clients)
        if now := await _stop_all(running, clients, emit):
            stopped += now
            news = loop.time()
        # What was begun a moment ago a read may not show yet.
        if not running and all(one.stack.facts.settled for one in standing) and loop.time() - began > LAG_S:
            return tuple(stopped)
        await asyncio.sleep(pace.wait_s(max(loop.time() - news, pace.first_s)))
    raise Failed(where="fleet stop", what=f"operations went on for {DEADLINE_S:.0f} s")


async def _running(sets: Iterable[StackSet], clients: Clients) -> list[tuple[StackSet, Operation]]:
    sets = tuple(sets)
    listed = await together(observe_operations(clients, one) for one in sets)
    return [(one, each) for one, operations in zip(sets, listed, strict=True) for each in operations if not each.ended]


async def _stop_all(running: Iterable[tuple[StackSet, Operation]], clients: Clients, emit: FleetEmit) -> list[Stopped]:
    stopped = await together(_stop(*one, clients, emit) for one in running if one[1].status != "STOPPING")
    return [one for one in stopped if one is not None]


async def _stop(stack_set: StackSet, operation: Operation, clients: Clients, emit: FleetEmit) -> Stopped | None:
    stop = client_of(clients, stack_set).stop_stack_set_operation
    try:
        await call(stack_set.id, stop, OperationId=operation.id, **named(stack_set))
    except AwsError as error:
        if error.code not in _OVER:
            raise
        return None
    emit(Started(stack=stack_set.id, what=f"STOP {operation.action} {operation.id}"))
    return Stopped(stack_set.id, operation)
