"""A circuit breaker as data: what a region's past says about asking it again.

Closed: it is asked. Open, after `failures_to_open` failures in a row: it is spared for `open_s` seconds. Half-open,
after these: one request at a time finds out; `probes_to_close` good ones in a row close it, a bad one opens it again.
A probe is lost where the region is not well after all, so only what may be sent twice is one.
"""

from dataclasses import dataclass

from builder.client.records import Limits


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
