"""One poller for each region serves everybody who waits for a stack there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from builder.aws import Clients, Pace
from builder.deploy.observe import ObservedStack, observe_region, observe_stack
from builder.errors import AwsError, Failed
from builder.terms import Arn, Region

# Asked for one by one up to here; beyond it one listing of the region, all pages, costs fewer calls.
_ONE_BY_ONE = 2
# What a poll lives through: it looks again later. The rest (a lost permission, say) ends the wait.
_PASSING = (
    "Throttling",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalError",
    "RequestLimitExceeded",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "EndpointConnectionError",
    "ConnectionClosedError",
)

Settled = Callable[[ObservedStack], bool]


@dataclass(slots=True)
class _Wait:
    arn: Arn
    settled: Settled
    since: float
    future: asyncio.Future[ObservedStack]


class Watch:
    """Looks at a region's stacks while somebody waits for one: quick at first, slower the longer all take."""

    def __init__(self, clients: Clients, region: Region, pace: Pace, seen: Callable[[ObservedStack], None]) -> None:
        self._clients = clients
        self._region = region
        self._pace = pace
        self._seen = seen
        self._waits: list[_Wait] = []
        self._joined = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def until(self, arn: Arn, settled: Settled, deadline_s: float) -> ObservedStack:
        """Return the stack as soon as a look at it satisfies `settled`.

        Raises Failed after `deadline_s` seconds, or with AWS's answer if the stack cannot be looked at.
        """
        loop = asyncio.get_running_loop()
        wait = _Wait(arn, settled, loop.time(), loop.create_future())
        self._waits.append(wait)
        self._joined.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._look_while_awaited())
        try:
            async with asyncio.timeout(deadline_s):
                return await wait.future
        except TimeoutError as error:
            raise Failed(where=f"{self._region}: {arn}", what=f"had not settled after {deadline_s:.0f} s") from error
        finally:
            self._waits = [other for other in self._waits if other is not wait]

    async def _look_while_awaited(self) -> None:
        while self._waits:
            self._joined.clear()
            try:
                async with asyncio.timeout(self._next_wait_s()):
                    # Somebody new starts the quick looks again.
                    await self._joined.wait()
                continue
            except TimeoutError:
                await self._look()

    def _next_wait_s(self) -> float:
        now = asyncio.get_running_loop().time()
        return self._pace.wait_s(min(now - wait.since for wait in self._waits))

    async def _look(self) -> None:
        try:
            found = await self._observe({wait.arn for wait in self._waits})
        except AwsError as error:
            if error.code.startswith(_PASSING):
                return
            for wait in self._waits:
                wait.future.set_exception(error)
            self._waits = []
            return
        for stack in found:
            self._seen(stack)
            for wait in self._waits:
                if wait.arn == stack.arn and not wait.future.done() and wait.settled(stack):
                    wait.future.set_result(stack)
        self._waits = [wait for wait in self._waits if not wait.future.done()]

    async def _observe(self, arns: set[Arn]) -> list[ObservedStack]:
        listed: list[ObservedStack] = []
        if len(arns) > _ONE_BY_ONE:
            listed = [stack for stack in await observe_region(self._clients, self._region) if stack.arn in arns]
        # A deleted stack is in no listing; by ARN it can be asked for.
        missing = arns - {stack.arn for stack in listed}
        asked = [await observe_stack(self._clients, self._region, arn) for arn in sorted(missing)]
        return listed + [stack for stack in asked if stack is not None]
