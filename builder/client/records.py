"""What a caller gives to the failover client and gets back, and what a region's past says about asking it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class RegionUrl:
    """Where a service can be asked."""

    name: str
    url: str
    """Of its function, as the outputs have it: `https://<id>.lambda-url.<region>.on.aws/`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, and when a region's circuit opens and closes."""

    deadline_s: float = 10.0
    """For a request in all regions together, unless it has one of its own."""
    attempt_s: float = 2.0
    """For one region: its name resolved, every address tried, body included."""
    failures_to_open: int = 3
    open_s: float = 5.0
    probes_to_close: int = 2
    hold_s: float = 3.0
    """How old the answer of a hold may be (`builder.client.hold`)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whichever region; `target` is path and query, as they are sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


class Trouble(Enum):
    """Why a region gave no answer."""

    NOT_SENT = "no connection"
    """Nothing of the request was sent, so it is safe to send elsewhere whatever it does."""
    TIMED_OUT = "no answer in time"
    BROKEN_OFF = "connection broken off"
    NOT_HELD = "the hold could not be kept there"
    """A write was not sent, because other clients could not be told to stay in the region (`builder.client.hold`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a region answered; header names are in lower case."""

    region: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One region asked once, by the caller's request or by a probe of the client's own."""

    request: int
    """Counts the client's requests from 1: the attempts and probes of one have the same number."""
    region: str
    method: str
    path: str
    started: float
    """By the client's clock."""
    duration_s: float
    outcome: int | Trouble
    """The status answered, or why there is none."""
    may_have_happened: bool
    """Whether the region could have carried out what it was asked."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Asked, with that many failures in a row."""

    failures: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """Spared until then."""

    until: float


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Probed, with that many good answers in a row."""

    good: int = 0
    probing: bool = False


Circuit = Closed | Open | HalfOpen


def admit(circuit: Circuit, now: float) -> Circuit | None:
    """Return the circuit with one more request under way, or None where the region is to be spared."""
    match circuit:
        case Closed():
            return circuit
        case Open(until=until):
            return HalfOpen(probing=True) if now >= until else None
        case HalfOpen(good=good, probing=probing):
            return None if probing else HalfOpen(good, probing=True)


def is_due(circuit: Circuit, now: float) -> bool:
    """Return whether a probe is what the region has to be asked by, and may be now."""
    match circuit:
        case Closed():
            return False
        case Open(until=until):
            return now >= until
        case HalfOpen(probing=probing):
            return not probing


def after_nothing(circuit: Circuit) -> Circuit:
    """Return the circuit after a request that was given up with nothing learnt of the region."""
    return HalfOpen(circuit.good) if isinstance(circuit, HalfOpen) else circuit


def after_success(circuit: Circuit, limits: Limits) -> Circuit:
    """Return the circuit after a good answer.

    One that comes from an open circuit, of a region asked because every region's was open, counts as a probe.
    """
    match circuit:
        case Closed():
            return Closed()
        case Open():
            return _probed(1, limits)
        case HalfOpen(good=good):
            return _probed(good + 1, limits)


def after_failure(circuit: Circuit, limits: Limits, now: float) -> Circuit:
    """Return the circuit after a failure; one that is open stays so no longer for it."""
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
