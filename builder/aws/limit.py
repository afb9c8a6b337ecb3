"""How fast a service of one account and region is asked: as fast as it answers, and no faster.

AWS publishes no rates for CloudFormation, so they are found out: there is no limit until a call is refused for its
rate, then a limit below what was answered, which falls with each further refusal and rises with each answer. A call
that is refused keeps its place in the line and is made again. Botocore would do so for as long as its own few tokens
last, all calls at once, each not knowing of the others.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html and
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError, EndpointConnectionError

from builder.aws.errors import THROTTLED, is_here

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel

R = TypeVar("R")
AT_ONCE = 16
"""Calls in flight: what one region that answers slowly may take of the threads that all regions share."""
PATIENCE_S = 300.0
"""For how long one call is made again while it is refused."""


@dataclass(slots=True)
class Rate:
    """How many calls a second are answered; pure, all times are the caller's, in seconds."""

    per_second: float = math.inf
    _sent_at: float = -math.inf
    _lowered_at: float = -math.inf
    _answers: deque[float] = field(default_factory=deque)

    LEAST = 0.5
    WINDOW_S = 2.0
    LOWER = 0.8
    RAISE = 0.25
    """With each answer: what a refusal took is there again after about as many answers as one second has."""

    @property
    def ready_at(self) -> float:
        """When the next call may be sent."""
        return self._sent_at + 1 / self.per_second

    def sent(self, now: float) -> None:
        """Note that a call goes out."""
        self._sent_at = now

    def answered(self, now: float) -> None:
        """Note an answer that does not mind the rate: the limit rises."""
        self._answers.append(now)
        self._forget(now)
        if self.per_second < math.inf:
            self.per_second += self.RAISE

    def refused(self, sent_at: float, now: float) -> None:
        """Note that a call was refused for the rate: the limit falls, but once for all calls of the same moment."""
        if sent_at < self._lowered_at:
            return
        known = self.per_second if self.per_second < math.inf else self._measured(now)
        self.per_second = max(self.LEAST, self.LOWER * known)
        self._lowered_at = now

    def _measured(self, now: float) -> float:
        self._forget(now)
        return len(self._answers) / max(1.0, now - self._answers[0]) if self._answers else 0.0

    def _forget(self, now: float) -> None:
        while self._answers and self._answers[0] <= now - self.WINDOW_S:
            self._answers.popleft()


class Gate:
    """What every call of one client passes: first come, first served, and a call that was refused keeps its place.

    For one event loop at a time; what was learnt of the rate outlasts the loop.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.rate = Rate()
        self._patience_s = patience_s
        self._in_flight = 0
        self._tickets = itertools.count()
        self._line: list[tuple[int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[], R]) -> R:
        """Return what the blocking call returns, run on the loop's executor when it is its turn.

        Raises what it raises; a refusal for the rate only after the gate's patience is at its end.
        """
        loop = asyncio.get_running_loop()
        ticket, refused_since = next(self._tickets), math.inf
        while True:
            await self._turn(ticket)
            sent_at = loop.time()
            try:
                answer = await loop.run_in_executor(None, _at_the_gate, work)
            except ClientError as error:
                if not is_throttled(error):
                    self.rate.answered(loop.time())
                    raise
                self.rate.refused(sent_at, loop.time())
                refused_since = min(refused_since, sent_at)
                if loop.time() - refused_since >= self._patience_s:
                    raise
            else:
                self.rate.answered(loop.time())
                return answer
            finally:
                self._leave()

    async def _turn(self, ticket: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (ticket, future))
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # it was admitted, and cancelled before it could go on
                self._leave()
            else:
                self._line = [one for one in self._line if one[1] is not future]
                heapq.heapify(self._line)
            raise

    def _leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        """Admit whoever is first while there is room; come back when the rate lets the next one go."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line and self._in_flight < AT_ONCE:
            wait_s = self.rate.ready_at - loop.time()
            if wait_s > 1e-6:
                self._timer = loop.call_later(wait_s, self._admit)
                return
            _, future = heapq.heappop(self._line)
            if not future.done():
                self._in_flight += 1
                self.rate.sent(loop.time())
                future.set_result(None)


_gates: WeakKeyDictionary[object, Gate] = WeakKeyDictionary()


_is_at_a_gate: ContextVar[bool] = ContextVar("is_at_a_gate", default=False)


def _at_the_gate(work: Callable[[], R]) -> R:
    """Do the work in a context in which a refusal is given back to the gate; botocore retries any other call."""
    before = _is_at_a_gate.set(True)
    try:
        return work()
    finally:
        _is_at_a_gate.reset(before)


def put_gate(client: "BaseClient", patience_s: float = PATIENCE_S) -> None:
    """Have every call of the client that `call` makes pass one gate, and be given back to it when it is refused."""
    _gates[client] = Gate(patience_s)
    client.meta.events.register_first("needs-retry", _give_back)
    client.meta.events.register_first("needs-retry", _give_up_on_nobody)


def gate_of(operation: object) -> Gate | None:
    """Return the gate of the client whose method it is; None where there is none."""
    client = getattr(operation, "__self__", None)
    try:
        return _gates.get(client) if client is not None else None
    except TypeError:  # of an object that is no client, and that nothing can refer to weakly
        return None


def is_throttled(error: ClientError) -> bool:
    """Return whether AWS refused the call for its rate alone, having done nothing."""
    return error.response.get("Error", {}).get("Code") in THROTTLED


def _give_back(*, response: tuple[object, Any] | None, operation: "OperationModel", **_: object) -> None:
    """Raise the refusal at once, where botocore would sleep on it; botocore calls this before its own judgement."""
    if _is_at_a_gate.get() and response is not None and response[1].get("Error", {}).get("Code") in THROTTLED:
        raise ClientError(response[1], operation.name)


def _give_up_on_nobody(*, caught_exception: Exception | None, **_: object) -> None:
    """Raise at once that nothing listens on this machine, where botocore would try again for a minute."""
    if isinstance(caught_exception, EndpointConnectionError) and is_here(caught_exception.kwargs["endpoint_url"]):
        raise caught_exception
