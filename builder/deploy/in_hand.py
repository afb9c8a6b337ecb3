"""Which resource each running stack is busy with, for somebody who looks on; nothing waits for it."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.progress import Emit, InHand
from builder.errors import AwsError
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

EVERY_S = 5.0
_AT_ONCE = 8


async def tell_in_hand(running: Mapping[StackId, tuple[Site, Arn]], clients: Clients, emit: Emit) -> None:
    """Tell, every few seconds and until cancelled, which resource the stacks work on; one call a stack.

    Of many stacks that run some are asked each time, in turn, so that it never takes many calls from those that matter.
    """
    last: dict[StackId, InHand] = {}
    asked = 0
    while True:
        await asyncio.sleep(EVERY_S)
        stacks = list(running.items())
        turn = [stacks[(asked + place) % len(stacks)] for place in range(min(_AT_ONCE, len(stacks)))]
        asked += len(turn)
        for said in await asyncio.gather(*(_in_hand(stack, *where, clients) for stack, where in turn)):
            if said is not None and last.get(said.stack) != said and said.stack in running:
                last[said.stack] = said
                emit(said)


async def _in_hand(stack: StackId, site: Site, arn: Arn, clients: Clients) -> InHand | None:
    client = clients.of(site).cloudformation(site.region)
    try:
        answer = await call(stack, client.describe_stack_events, StackName=arn)
    except AwsError:
        return None  # the next time will do
    event = newest_at_work(answer["StackEvents"])
    if event is None:
        return None
    return InHand(
        stack=stack,
        resource=f"{event.get('LogicalResourceId', '?')} ({event.get('ResourceType', '?')})",
        status=event.get("ResourceStatus", ""),
    )


def newest_at_work(events: "list[StackEventTypeDef]") -> "StackEventTypeDef | None":
    """Return the newest event of a resource that has begun and not ended; events are newest first."""
    seen: set[str] = set()
    for event in events:
        name = event.get("LogicalResourceId", "")
        if event.get("PhysicalResourceId") == event["StackId"]:
            continue
        if name not in seen and event.get("ResourceStatus", "").endswith("_IN_PROGRESS"):
            return event
        seen.add(name)
    return None
