"""The failover client itself: which regions it asks, in which order, and when it stops."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.client.connection import Errands, forget_when_forked
from builder.client.hold import Hold, Whereabouts
from builder.client.records import (
    Answer,
    Attempt,
    Circuit,
    Closed,
    Limits,
    Open,
    RegionUrl,
    Request,
    Trouble,
    admit,
    after_failure,
    after_nothing,
    after_success,
    is_due,
)
from builder.client.wire import Wire

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

_IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOO_MANY = 429
_THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException"})
_LEAST_S = 0.001


class Unavailable(Exception):
    """No region gave a good answer.

    `attempts` are all that were made. `may_have_happened` says whether a region may have carried out the request all
    the same.
    """

    def __init__(self, attempts: tuple[Attempt, ...], why: str = "none was asked") -> None:
        self.attempts = attempts
        self.may_have_happened = any(attempt.may_have_happened for attempt in attempts)
        summary = ", ".join(f"{attempt.region}: {_tell(attempt.outcome)}" for attempt in attempts)
        super().__init__(f"no region answered in time ({summary or why})")


@dataclass(slots=True)
class _Journey:
    """A request of the caller on its way through the regions."""

    number: int
    request: Request
    repeatable: bool
    until: float
    frozen: "ReadOnlyCredentials | None" = None
    ahead: list[RegionUrl] = field(default_factory=list)
    """The regions that it may still be sent to, in order of preference."""
    at: str | None = None
    """The region where clients are by the hold, so that writes there need no new hold; None without a hold."""
    attempts: list[Attempt] = field(default_factory=list)
    spent_s: dict[str, float] = field(default_factory=dict)
    """How long the request has waited for each region."""
    ill: set[str] = field(default_factory=set)
    """The regions in which the client's own probe has just failed."""


class FailoverClient:
    """Asks the first region that is not known to be in trouble. The order of `regions` is the order of preference.

    Threads may share one. `credentials` sign requests to URLs with AuthType AWS_IAM. `endpoint` is where to connect
    instead of to the URLs' own hosts, as with the embedded AWS; the Host header still has the URL's host. `hold` makes
    failback a decision (`builder.client.hold`). `health` is the path of the client's own probes. `on_attempt` is called
    in the requesting thread after each attempt and each probe.
    """

    def __init__(  # noqa: PLR0913  all but the first have a default that holds
        self,
        regions: tuple[RegionUrl, ...],
        *,
        credentials: "Credentials | None" = None,
        endpoint: str | None = None,
        limits: Limits = Limits(),
        hold: Hold | None = None,
        health: str = "/health",
        on_attempt: Callable[[Attempt], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        errands = Errands()
        names = [region.name for region in regions]
        self._regions = regions
        self._wire = Wire(credentials, endpoint, errands)
        self._limits = limits
        self._whereabouts = hold and Whereabouts(hold, names, errands, hold_s=limits.hold_s, clock=clock)
        self._at: str | None = None
        self._health = Request("GET", health, {}, None)
        self._on_attempt = on_attempt
        self._clock = clock
        self._circuits: dict[str, Circuit] = dict.fromkeys(names, Closed())
        self._numbers = itertools.count(1)
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Begin anew after a fork, with a free lock and without the probes of the parent's threads."""
        self._lock = threading.Lock()
        self._circuits = {name: after_nothing(circuit) for name, circuit in self._circuits.items()}

    def circuits(self) -> Mapping[str, Circuit]:
        """Return the present circuit of each region."""
        with self._lock:
            return dict(self._circuits)

    def request(  # noqa: PLR0913  what every HTTP client is told
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """Return the first answer that is neither 429 nor 5xx. Each region is asked once at most. Raises Unavailable.

        `target` is path and query, encoded. `repeatable` says whether the request may be sent to another region after
        one may have carried it out; by default that depends on the method.
        """
        request = Request(method.upper(), target, headers or {}, body)
        if repeatable is None:
            repeatable = request.method in _IDEMPOTENT
        until = self._clock() + (self._limits.deadline_s if deadline_s is None else deadline_s)
        journey = _Journey(next(self._numbers), request, repeatable, until)
        try:
            journey.frozen = self._wire.freeze(max(0.0, until - self._clock()))
        except TimeoutError:
            raise Unavailable((), "the credentials were not refreshed in time") from None
        journey.ahead = self._allowed(journey)
        for region in self._candidates(journey):
            attempt, answer = self._ask(journey, region)
            if answer is not None:
                return answer
            if not repeatable and attempt.may_have_happened:
                break
        raise Unavailable(tuple(journey.attempts))

    def _allowed(self, journey: _Journey) -> list[RegionUrl]:
        """Return the regions that the request may be sent to: with a hold, only the held region and those after it."""
        if self._whereabouts is None or journey.until <= self._clock():
            return list(self._regions)
        left_s = journey.until - self._clock()
        journey.at = self._whereabouts.at(min(left_s / (1 + len(self._regions)), self._limits.attempt_s))
        with self._lock:
            if self._at not in (None, journey.at):
                # Somebody has moved all clients here, so the region counts as healthy. A write that skips it would move
                # all clients on to the next.
                self._circuits[journey.at] = Closed()
            self._at = journey.at
        return list(itertools.dropwhile(lambda region: region.name != journey.at, self._regions))

    def _candidates(self, journey: _Journey) -> Iterator[RegionUrl]:
        """Yield the regions whose circuit admits the request, then the others, since a bad chance is better than none.

        A region is admitted only when it is its turn: once it is admitted it has to be asked, or its probe never ends.
        """
        spared = []
        for region in tuple(journey.ahead):
            if self._clock() >= journey.until:
                return
            journey.ahead.remove(region)
            if self._is_admitted(journey, region):
                yield region
            elif region.name not in journey.ill:
                spared.append(region)
        with self._lock:
            # Open circuits last: those regions may not even be probed yet.
            spared.sort(key=lambda region: isinstance(self._circuits[region.name], Open))
        for region in spared:
            if self._clock() >= journey.until:
                return
            yield region

    def _is_admitted(self, journey: _Journey, region: RegionUrl) -> bool:
        """Return whether to send the request. If it is not repeatable, probe the region's health path first."""
        with self._lock:
            circuit = self._circuits[region.name]
            if isinstance(circuit, Closed):
                return True
            admitted = admit(circuit, self._clock()) if is_due(circuit, self._clock()) else None
            if admitted is None:
                return False
            self._circuits[region.name] = admitted
        if journey.repeatable:
            return True
        while True:
            _, answer = self._attempt(journey, region, self._health)
            if answer is None:
                journey.ill.add(region.name)
                return False
            with self._lock:
                if isinstance(self._circuits[region.name], Closed):
                    return True

    def _ask(self, journey: _Journey, region: RegionUrl) -> tuple[Attempt, Answer | None]:
        """Send the request to a region, and return the outcome. Before a write, hold all clients in that region."""
        if self._whereabouts is None or journey.request.method in _READS or region.name == journey.at:
            return self._attempt(journey, region, journey.request)
        started = self._clock()
        moved = False
        try:
            moved = self._whereabouts.move(region.name, self._limit(journey, region)[1])
        finally:
            journey.spent_s[region.name] = self._clock() - started
            if not moved:
                self._learn(region, Trouble.NOT_HELD)
        if moved:
            with self._lock:
                journey.at = self._at = region.name
            return self._attempt(journey, region, journey.request)
        return self._record(journey, region, journey.request, started, Trouble.NOT_HELD), None

    def _limit(self, journey: _Journey, region: RegionUrl) -> tuple[float, float]:
        """Return how many seconds the region may take at most, and its share of the time that is left.

        The time left is shared with the healthy regions, so that there is time to ask them.
        """
        left_s = journey.until - self._clock()
        with self._lock:
            others = sum(isinstance(self._circuits[other.name], Closed) for other in journey.ahead)
        most_s = max(_LEAST_S, min(left_s, self._limits.attempt_s - journey.spent_s.get(region.name, 0.0)))
        return most_s, max(_LEAST_S, min(most_s, left_s / (1 + others)))

    def _attempt(self, journey: _Journey, region: RegionUrl, request: Request) -> tuple[Attempt, Answer | None]:
        """Send a request to a region, and return the attempt, with the answer if it is a good one."""
        most_s, share_s = self._limit(journey, region)
        # A request that may not be repeated can use all the time once it is sent: no other region will be asked.
        is_last = request is journey.request and not journey.repeatable
        started = self._clock()
        result: Answer | Trouble | None = None
        try:
            result = self._wire.send(
                region,
                request,
                limit_s=most_s if is_last else share_s,
                connect_s=share_s,
                frozen=journey.frozen,
            )
        finally:
            # Also if this is interrupted: a probe that never ends would keep its circuit half-open forever.
            self._learn(region, result)
            journey.spent_s[region.name] = journey.spent_s.get(region.name, 0.0) + self._clock() - started
        attempt = self._record(journey, region, request, started, result)
        return attempt, result if isinstance(result, Answer) and not _is_failure(attempt.outcome) else None

    def _record(
        self, journey: _Journey, region: RegionUrl, request: Request, started: float, result: Answer | Trouble
    ) -> Attempt:
        attempt = Attempt(
            request=journey.number,
            region=region.name,
            method=request.method,
            path=request.target.partition("?")[0],
            started=started,
            duration_s=self._clock() - started,
            outcome=_outcome(result),
            # The client's own probe changes nothing.
            may_have_happened=request is journey.request and _may_have_happened(result),
        )
        journey.attempts.append(attempt)
        if self._on_attempt is not None:
            self._on_attempt(attempt)
        return attempt

    def _learn(self, region: RegionUrl, result: Answer | Trouble | None) -> None:
        with self._lock:
            circuit = self._circuits[region.name]
            if result is None:
                self._circuits[region.name] = after_nothing(circuit)
            elif _is_failure(_outcome(result)):
                self._circuits[region.name] = after_failure(circuit, self._limits, self._clock())
            else:
                self._circuits[region.name] = after_success(circuit, self._limits)


def _outcome(result: Answer | Trouble) -> int | Trouble:
    return result.status if isinstance(result, Answer) else result


def _is_failure(outcome: int | Trouble) -> bool:
    return isinstance(outcome, Trouble) or outcome == _TOO_MANY or outcome >= 500


def _may_have_happened(result: Answer | Trouble) -> bool:
    """Return whether the function may have run. It has not if nothing was sent, or if Lambda itself throttled it.

    Any other 429 comes from the function, or from a proxy before it.
    """
    if isinstance(result, Trouble):
        return result not in (Trouble.NOT_SENT, Trouble.NOT_HELD)
    error = result.headers.get("x-amzn-errortype", "").partition(":")[0].rpartition("#")[2]
    return result.status != _TOO_MANY or error.strip() not in _THROTTLED


def _tell(outcome: int | Trouble) -> str:
    return outcome.value if isinstance(outcome, Trouble) else str(outcome)
