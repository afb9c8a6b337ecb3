"""The failover client itself: which regions to ask, in which order, and when to stop."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from urllib3 import PoolManager

from builder.client.circuit import Circuit, Closed, admit, after_failure, after_success
from builder.client.records import Answer, Attempt, Limits, Region, Trouble
from builder.client.wire import Request, Wire

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT"})
_TOO_MANY = 429
_LEAST_S = 0.001


class Unavailable(Exception):
    """No region answered well.

    `attempts` says what was tried, `may_have_happened` whether a region could have carried the request out even so.
    """

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        self.attempts = attempts
        self.may_have_happened = any(_may_have_happened(one.outcome) for one in attempts)
        told = ", ".join(f"{one.region}: {_tell(one.outcome)}" for one in attempts)
        super().__init__(f"no region answered in time ({told or 'none was asked'})")


class FailoverClient:
    """Asks the first region that is not known to be in trouble; the order given is the order of preference.

    Threads may share one. `credentials` sign requests to URLs with AuthType AWS_IAM. `endpoint` is where to connect in
    place of the URLs' own hosts, which are then said in the Host header: the embedded AWS. `on_attempt` is called in
    the requesting thread after each attempt.
    """

    def __init__(  # noqa: PLR0913  all but the first have a default that holds
        self,
        regions: tuple[Region, ...],
        *,
        credentials: "Credentials | None" = None,
        endpoint: str | None = None,
        limits: Limits = Limits(),
        on_attempt: Callable[[Attempt], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._regions = regions
        self._wire = Wire(PoolManager(num_pools=len(regions), maxsize=64), credentials, endpoint)
        self._limits = limits
        self._on_attempt = on_attempt
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, Circuit] = {region.name: Closed() for region in regions}
        self._numbers = itertools.count(1)

    def circuits(self) -> Mapping[str, Circuit]:
        """Return each region's circuit as it stands."""
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
        """Return the first answer that is neither 429 nor 5xx, from a region asked at most once.

        `target` is path and query, encoded. `repeatable` says whether another region may be asked after one could have
        carried the request out already; by default that follows from the method. Raises Unavailable.
        """
        request = Request(method.upper(), target, headers or {}, body)
        if repeatable is None:
            repeatable = request.method in _IDEMPOTENT
        number = next(self._numbers)
        until = self._clock() + (self._limits.deadline_s if deadline_s is None else deadline_s)
        attempts: list[Attempt] = []
        for region in self._candidates(until):
            limit_s = max(_LEAST_S, min(until - self._clock(), self._limits.attempt_s))
            attempt, answer = self._attempt(number, region, request, limit_s)
            attempts.append(attempt)
            if answer is not None:
                return answer
            if not repeatable and _may_have_happened(attempt.outcome):
                break
        raise Unavailable(tuple(attempts))

    def _candidates(self, until: float) -> Iterator[Region]:
        """Yield, until then, the regions whose circuit admits the request, then the others: a bad chance beats none.

        Each is admitted when it is its turn and not before: once admitted it has to be asked, or its probe never ends.
        """
        spared = []
        for region in self._regions:
            if self._clock() >= until:
                return
            if self._is_admitted(region):
                yield region
            else:
                spared.append(region)
        for region in spared:
            if self._clock() >= until:
                return
            yield region

    def _is_admitted(self, region: Region) -> bool:
        with self._lock:
            circuit = admit(self._circuits[region.name], self._clock())
            if circuit is not None:
                self._circuits[region.name] = circuit
            return circuit is not None

    def _attempt(self, number: int, region: Region, request: Request, limit_s: float) -> tuple[Attempt, Answer | None]:
        """Return what became of it, and the answer if it is one to hand on."""
        started = self._clock()
        came: Answer | Trouble = Trouble.BROKEN_OFF
        try:
            came = self._wire.send(region, request, limit_s=limit_s)
        finally:
            # Also when interrupted: a probe that never ends would keep its circuit half-open for good.
            self._learn(region, _outcome(came))
        outcome = _outcome(came)
        path = request.target.partition("?")[0]
        attempt = Attempt(number, region.name, request.method, path, started, self._clock() - started, outcome)
        if self._on_attempt is not None:
            self._on_attempt(attempt)
        return attempt, came if isinstance(came, Answer) and not _is_failure(outcome) else None

    def _learn(self, region: Region, outcome: int | Trouble) -> None:
        with self._lock:
            circuit = self._circuits[region.name]
            if _is_failure(outcome):
                self._circuits[region.name] = after_failure(circuit, self._limits, self._clock())
            else:
                self._circuits[region.name] = after_success(circuit, self._limits)


def _outcome(came: Answer | Trouble) -> int | Trouble:
    return came.status if isinstance(came, Answer) else came


def _is_failure(outcome: int | Trouble) -> bool:
    return isinstance(outcome, Trouble) or outcome == _TOO_MANY or outcome >= 500


def _may_have_happened(outcome: int | Trouble) -> bool:
    """Return whether the function could have run: not where nothing was sent, nor where Lambda throttled it."""
    return outcome not in (Trouble.NOT_SENT, _TOO_MANY)


def _tell(outcome: int | Trouble) -> str:
    return outcome.value if isinstance(outcome, Trouble) else str(outcome)
