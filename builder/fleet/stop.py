"""Stopping what runs: each set's operation ends where it is, and the accounts not reached yet stay as they are.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StopStackSetOperation.html
"""

from collections.abc import Collection
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.errors import AwsError
from builder.fleet.observe import Operation, client_of, named, observe_operations
from builder.fleet.records import StackSet
from builder.terms import StackId

# It ended by itself in between.
_OVER = frozenset({"InvalidOperationException", "OperationNotFoundException"})


@dataclass(frozen=True, slots=True)
class Stopped:
    """An operation that was told to stop; what it has begun in an account is done to its end there."""

    stack: StackId
    operation: Operation


async def stop_operations(sets: Collection[StackSet], clients: Clients) -> tuple[Stopped, ...]:
    """Stop every operation that runs or waits on the sets, and return them."""
    found = await together(_stop(one, clients) for one in sets)
    return tuple(one for stopped in found for one in stopped)


async def _stop(stack_set: StackSet, clients: Clients) -> list[Stopped]:
    stopped = []
    for operation in await observe_operations(clients, stack_set):
        if operation.ended or operation.status == "STOPPING":
            continue
        try:
            await call(
                stack_set.id,
                client_of(clients, stack_set).stop_stack_set_operation,
                OperationId=operation.id,
                **named(stack_set),
            )
        except AwsError as error:
            if error.code not in _OVER:
                raise
        else:
            stopped.append(Stopped(stack_set.id, operation))
    return stopped
