"""What a caller gives to the failover client and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Region:
    """Where a service can be asked."""

    name: str
    url: str
    """Of its function, as the outputs have it: `https://<id>.lambda-url.<region>.on.aws/`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, and when a region's circuit opens and closes (`builder.client.circuit`)."""

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
