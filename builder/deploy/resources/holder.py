"""The record of a resource type that holds data or an address: what a change loses, and how a resource is emptied."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from builder.aws import Clients
from builder.terms import Region

Properties = Mapping[str, Any]
"""A resource's properties, by CloudFormation's names."""
OnDeleted = Callable[[int], None]
"""Called with the number of entries deleted so far."""
Takedown = Callable[[Clients, Region, str], Coroutine[Any, Any, None]]
"""The last argument is the resource's physical id: the bucket's name, the table's name."""
ObserveUsable = Callable[[Clients, Region, str], Coroutine[Any, Any, bool]]
Busy = Callable[[Clients, Region, str, frozenset[str]], Coroutine[Any, Any, str]]
HoldKind = Literal["DeletionProtection", "ObjectLock"]


@dataclass(frozen=True, slots=True)
class DeletionHold:
    """What keeps a resource, or a copy of it, from being deleted until somebody lifts it."""

    kind: HoldKind
    region: Region
    """The region in which it is in force."""


ObserveHolds = Callable[[Clients, Region, str], Coroutine[Any, Any, tuple[DeletionHold, ...]]]
EmptyResource = Callable[[Clients, Region, str, OnDeleted], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a change set shows of a resource that it modifies."""

    before: Properties | None = None
    """The properties, or None where CloudFormation left them out."""
    after: Properties | None = None
    touched: frozenset[str] | None = None
    """The names of the properties that change, or None where CloudFormation left the details out."""

    def may_touch(self, name: str) -> bool:
        """Return whether the change could be one of this property."""
        return self.touched is None or name in self.touched


ReadLosses = Callable[[Seen], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Singly:
    """A list to which AWS adds, or from which it removes, one item in one update."""

    property: str
    named_by: str
    """The property that identifies an item."""
    noun: str
    most: int | None = None
    """The most items that the list may have: where it is full, an item is removed before another is added."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that a change set shows as one in place and that AWS refuses in the middle of the update."""

    what: str
    next_step: str


def nothing(seen: Seen) -> tuple[str, ...]:  # noqa: ARG001  is a ReadLosses
    """Return no losses: the default for types without any."""
    return ()


def nowhere_else(properties: Properties) -> tuple[str, ...]:  # noqa: ARG001  as `nothing`
    """Return no other regions: the default for types whose data is in one region."""
    return ()


def no_worse(before: Properties, after: Properties) -> tuple[str, ...]:  # noqa: ARG001  as `nothing`
    """Return no warnings: the default for types that no change weakens."""
    return ()


def takes_all(before: Properties, after: Properties) -> tuple[Refusal, ...]:  # noqa: ARG001  as `nothing`
    """Return no refusals: the default for types whose changes AWS always takes."""
    return ()


def at_once(before: Properties, after: Properties) -> Mapping[str, Any]:  # noqa: ARG001  as `nothing`
    """Return no intermediate values: the default for types whose properties all change in one update."""
    return {}


async def is_idle(clients: Clients, region: Region, physical_id: str, touched: frozenset[str]) -> str:  # noqa: ARG001
    """Return no reason to wait: the default for types that can be changed whenever their stack can."""
    return ""


async def stay_quiet(clients: Clients, region: Region, physical_id: str) -> None:
    """Do nothing: the default for types whose deletion needs no help."""


async def keep_content(clients: Clients, region: Region, physical_id: str, on_deleted: OnDeleted) -> None:
    """Do nothing: the default for types that are deleted with their contents."""


async def held_by_nothing(clients: Clients, region: Region, physical_id: str) -> tuple[DeletionHold, ...]:  # noqa: ARG001  as `nothing`
    """Return no holds: the default for types without deletion protection."""
    return ()


def no_command(region: Region, physical_id: str) -> str:  # noqa: ARG001  as `nothing`
    """Return no command: the default for types whose deletion nothing refuses, or nobody can allow."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One resource type: what a change inside it loses, where its copies are, how it is deleted."""

    losses: ReadLosses = nothing
    """What a change deletes, or may delete, for good although the resource stays."""
    weakens: Callable[[Properties, Properties], tuple[str, ...]] = no_worse
    """What a change from the first to the second properties weakens without losing anything by itself."""
    is_usable: ObserveUsable | None = None
    """Whether it can be used in a region that has a copy of it; None where it has no copies."""
    regions: Callable[[Properties], tuple[str, ...]] = nowhere_else
    """The regions that have a copy of its data, as far as its properties state them."""
    singly: tuple[Singly, ...] = ()
    """The lists of which AWS changes one item at a time, with no other change; in the order of these changes."""
    refusals: Callable[[Properties, Properties], tuple[Refusal, ...]] = takes_all
    """What AWS refuses of a change from the first to the second properties, as far as they are known."""
    held: Callable[[Properties, Properties], Mapping[str, Any]] = at_once
    """Properties that get an intermediate value in an update before the one with their final value."""
    busy: Busy = is_idle
    """What has to end in the resource before these properties can be changed, as text; else empty."""
    stop_writes: Takedown = stay_quiet
    """Stop what would write to it while it is being emptied."""
    empty: EmptyResource = keep_content
    """Remove its contents, which prevent its deletion."""
    unblock: Takedown = stay_quiet
    """Remove the reason for which its deletion was refused."""
    holds: ObserveHolds = held_by_nothing
    """What would refuse its deletion, in each region that has a copy of it."""
    lift: Takedown = stay_quiet
    """Lift its deletion protection in the given region."""
    lifts: Callable[[Region, str], str] = no_command
    """The command by which a person lifts its deletion protection in a region."""
    remove: Takedown | None = None
    """Delete it with its contents and every copy, outside of its stack; None where the type has no such way."""

    def warnings(self, seen: Seen) -> tuple[str, ...]:
        """Return what a change weakens; empty where CloudFormation left the properties out."""
        if seen.before is None or seen.after is None:
            return ()
        return self.weakens(seen.before, seen.after)

    @property
    def is_helped(self) -> bool:
        """Whether its deletion needs more than CloudFormation's own."""
        return (self.stop_writes, self.empty, self.unblock) != (stay_quiet, keep_content, stay_quiet)
