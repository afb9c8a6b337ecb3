"""What is done to the primary, and how it is undone; one function a kind."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from builder.aws import Clients
from builder.drill import concurrency
from builder.drill.clock import Clock
from builder.drill.onlooker import Onlooker
from builder.drill.target import Target


@dataclass(frozen=True, slots=True)
class Struck:
    """When a fault was asked for, and by when it was made."""

    asked_s: float
    made_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; `undo` does nothing where it is not, or no longer, made."""

    words: str
    strike: Callable[[], Awaitable[Struck]]
    undo: Callable[[], Awaitable[object]]


def throttle(target: Target, clients: Clients, drill: str, clock: Clock) -> Fault:
    """Return the fault that makes the primary's URL answer 429."""

    async def strike() -> Struck:
        asked_s = clock.passed_s()
        await concurrency.strike(clients, target.primary, drill)
        return Struck(asked_s, clock.passed_s())

    async def undo() -> None:
        await concurrency.undo(clients, target.primary)

    return Fault(f"reserved concurrency of {target.primary.function} set to 0", strike, undo)


def by_hand(onlooker: Onlooker, ask: Callable[[str], None], region: str, within_s: float) -> Fault:
    """Return a fault that people make and undo; when they did is seen by the requests."""

    async def strike() -> Struck:
        ask(f"make the fault in {region} now")
        failed_s = await onlooker.failing(within_s)
        return Struck(failed_s, failed_s)

    async def undo() -> None:
        ask(f"undo the fault in {region} now")
        await onlooker.answering(within_s)

    return Fault("made by people", strike, undo)
