"""botocore's errors in our words, and whether what answers is AWS at all; the one place that knows them."""

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError, EndpointConnectionError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel


THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"}
    | {"TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException", "SlowDown"}
    | {"BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException"}
)
"""The codes by which AWS's services refuse a call for its rate; botocore's own list, but for LimitExceededException,
which is a quota's too, and TransactionInProgressException, which another's transaction is in the way of.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""


def is_here(url: str) -> bool:
    """Return whether a URL leads to this machine alone."""
    name = urlsplit(url).hostname or ""
    return name in {"localhost", "::1"} or name.endswith(".localhost") or name.startswith("127.")


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


_MISSES = 3
"""Early looks in vain after which an AWS that was quick is taken to be so no more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When to look next at something that was begun a while ago; all in seconds.

    Botocore's waiters look every 30 seconds, and count UPDATE_ROLLBACK_COMPLETE as a created stack.
    """

    first_s: float
    """Nothing is over sooner than this."""
    every_s: float
    """The shortest time between two looks."""
    fraction: float = 0.04
    """Of what has passed since the beginning: how much of it may pass until the next look."""
    longest_s: float = 15.0

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next look, `passed_s` after the beginning."""
        if passed_s < self.first_s:
            return self.first_s - passed_s
        return min(self.longest_s, max(self.every_s, self.fraction * passed_s))


@dataclass(slots=True)
class Rhythm:
    """When to look at one kind of thing: at AWS's pace, unless one early look finds that things end at once here.

    That look is for what only looks like AWS, an emulator say; where it finds nothing over, there is no other.
    """

    usual: Pace
    early_s: float = 0.25
    slower: "Rhythm | None" = None
    """What takes longer than this kind of thing: where this one takes its time, nobody looks at that early."""
    _is_quick: bool = False
    _misses_left: int = 1
    _is_tried: bool = False
    """Whether somebody has taken the one early look that finds it out."""

    @property
    def pace(self) -> Pace:
        """The pace as far as it is known."""
        if self._is_quick:
            return Pace(self.early_s, self.usual.every_s, self.usual.fraction, self.usual.longest_s)
        return self.usual

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next look, `passed_s` after the beginning, if none is early."""
        return self.pace.wait_s(passed_s)

    def due_s(self, looked_s: float, *, early: bool = False) -> float:
        """Return at which age to look at something, when at its last look it was `looked_s` old; below 0 for none yet.

        `early` asks for a look before it is known how quick AWS is.
        """
        if looked_s < 0 and early and self._misses_left:
            return min(self.early_s, self.usual.first_s)
        return max(looked_s, 0.0) + self.wait_s(max(looked_s, 0.0))

    def told(self, age_s: float, *, ended: bool) -> None:
        """Learn from a look at something of that age whether it had ended."""
        if age_s >= self.usual.first_s:
            return
        self._is_tried = True
        self._misses_left = _MISSES if ended else max(0, self._misses_left - 1)
        self._is_quick = self._misses_left > 0 and (ended or self._is_quick)
        if self.slower and not self._misses_left:
            self.slower._misses_left = 0  # noqa: SLF001 - of its own class

    async def until(self, look: Callable[[], Awaitable[R | None]]) -> R:
        """Look at something that has just begun until a look returns what it came to; return that."""
        loop = asyncio.get_running_loop()
        since, looked_s = loop.time(), -1.0
        early, self._is_tried = not self._is_tried, True
        while True:
            await self._until_due(since, looked_s, early=early)
            asked_s = loop.time() - since
            found = await look()
            self.told(asked_s, ended=found is not None)
            if found is not None:
                return found
            looked_s = loop.time() - since

    # What is learnt belongs to no one loop, so it is asked for and not signalled.
    async def _until_due(self, since: float, looked_s: float, *, early: bool) -> None:
        """Sleep until the next look; who has not looked yet asks now and then whether somebody's early look paid."""
        loop = asyncio.get_running_loop()
        while (left_s := since + self.due_s(looked_s, early=early) - loop.time()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(left_s, self.early_s) if looked_s < 0 else left_s)


@dataclass(slots=True)
class Tempo:
    """How quickly an AWS does things: CloudFormation's own pace, seen from outside."""

    change_sets: Rhythm
    stacks: Rhythm

    @classmethod
    def usual(cls) -> "Tempo":
        """Return the tempo of AWS."""
        stacks = Rhythm(Pace(first_s=4.0, every_s=0.45))
        return cls(Rhythm(Pace(first_s=2.0, every_s=0.3), slower=stacks), stacks)

    @classmethod
    def quick(cls) -> "Tempo":
        """Return the tempo of an AWS that is known to take no time, the embedded one; who starts it hands it on."""
        return cls(Rhythm(Pace(first_s=0.0, every_s=0.1)), Rhythm(Pace(first_s=0.0, every_s=0.1)))
