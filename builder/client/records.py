"""The arguments and results of the failover client, and the circuits: whether a region may be asked again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class RegionUrl:
    """The URL of a service in a region."""

    name: str
    url: str
    """The function URL, as in the outputs: `https://<id>.lambda-url.<region>.on.aws/`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, and when a region's circuit opens and closes."""

    deadline_s: float = 10.0
    """How long a request may take in all regions together, unless it has a deadline of its own."""
    attempt_s: float = 2.0
    """How long one region may take, from resolving its name to the end of the body."""
    failures_to_open: int = 3
    open_s: float = 5.0
    probes_to_close: int = 2
    hold_s: float = 3.0
    """How old the answer of a hold may be (`builder.client.hold`)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for any region; `target` is path and query as they are sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


class Trouble(Enum):
    """Why a region gave no answer."""

    NOT_SENT = "no connection"
    """Nothing of the request was sent, so it is safe to send it to another region, whatever it does."""
    TIMED_OUT = "no answer in time"
    BROKEN_OFF = "connection broken off"
    NOT_HELD = "the hold could not be kept there"
    """A write was not sent, because the other clients could not be held in the region (`builder.client.hold`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a region. Header names are in lower case."""

    region: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to one region: the caller's, or a probe of the client's own."""

    request: int
    """The number of the caller's request, from 1. All attempts and probes for it have the same number."""
    region: str
    method: str
    path: str
    started: float
    """By the client's clock."""
    duration_s: float
    outcome: int | Trouble
    """The status of the answer, or why there is none."""
    may_have_happened: bool
    """Whether the region may have carried out the request."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The region is asked. It has had so many failures in a row."""

    failures: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """The region is not asked until that time."""

    until: float


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """The region is probed by one request at a time. It has given so many good answers in a row."""

    good: int = 0
    probing: bool = False


Circuit = Closed | Open | HalfOpen


def admit(circuit: Circuit, now: float) -> Circuit | None:
    """Return the circuit with one more request under way, or None if the region may not be asked."""
    match circuit:
        case Closed():
            return circuit
        case Open(until=until):
            return HalfOpen(probing=True) if now >= until else None
        case HalfOpen(good=good, probing=probing):
            return None if probing else HalfOpen(good, probing=True)


def is_due(circuit: Circuit, now: float) -> bool:
    """Return whether the next request to the region is a probe, and may be sent now."""
    match circuit:
        case Closed():
            return False
        case Open(until=until):
            return now >= until
        case HalfOpen(probing=probing):
            return not probing


def after_nothing(circuit: Circuit) -> Circuit:
    """Return the circuit after a request that was given up and says nothing about the region."""
    return HalfOpen(circuit.good) if isinstance(circuit, HalfOpen) else circuit


def after_success(circuit: Circuit, limits: Limits) -> Circuit:
    """Return the circuit after a good answer.

    A good answer despite an open circuit counts as a probe. Such a region was asked since no better one answered.
    """
    match circuit:
        case Closed():
            return Closed()
        case Open():
            return _probed(1, limits)
        case HalfOpen(good=good):
            return _probed(good + 1, limits)


def after_failure(circuit: Circuit, limits: Limits, now: float) -> Circuit:
    """Return the circuit after a failure. A failure does not make an open circuit stay open longer."""
    match circuit:
        case Closed(failures=failures):
            if failures + 1 < limits.failures_to_open:
                return Closed(failures + 1)
            return Open(now + limits.open_s)
        case Open():
            return circuit
        case HalfOpen():
            return Open(now + limits.open_s)


def _probed(good: int, limits: Limits) -> Circuit:
    return Closed() if good >= limits.probes_to_close else HalfOpen(good)
