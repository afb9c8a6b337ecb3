"""What this process knows of stacks and change sets for certain, by which later reads of AWS are judged."""

from dataclasses import dataclass, field

from builder.terms import Arn, Place


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stack as it was once seen, or as AWS confirmed it to us: a read that shows less than that lags behind."""

    arn: Arn
    status: str
    last_change: str
    """ISO time of its creation or last update; empty where only its creation was confirmed."""
    protected: bool | None = None
    """Whether it is protected from deletion; None where that was not seen."""


@dataclass(slots=True)
class Memory:
    """What was seen last of each stack, and which change sets are gone by our own hand."""

    stacks: dict[Place, Sighting] = field(default_factory=dict)
    deleted_change_sets: set[Arn] = field(default_factory=set)
