"""One call to AWS: who made it, with what, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botocore.config import Config
from botocore.model import OperationModel

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import CloudFormation
    from fake_aws.ssm import Parameter
    from fake_aws.world import World

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The client call that a thread or greenlet is in the middle of."""

    world: "World"
    operation: OperationModel
    config: Config
    outer: "Attempt | None" = None
    """The call that this one is made for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs a call."""

    account: str
    arn: str
    access_key: str


@dataclass(slots=True)
class Call:
    """One request that reached (or would have reached) AWS; botocore's retries are calls of their own."""

    at: float
    account: str
    region: str
    service: str
    operation: str
    params: dict[str, Any]
    mutating: bool
    faults: tuple[str, ...] = ()
    """What went wrong with it on purpose, stale reads included."""
    outcome: str = ""
    """`ok`, the error code answered, or the name of the fault that kept the answer back."""


class Asker(Protocol):
    """Whoever wants something of CloudFormation: a call, or a resource of a stack."""

    @property
    def world(self) -> "World":
        """The world it is in."""

    @property
    def account(self) -> str:
        """The account it acts for."""

    @property
    def region(self) -> str:
        """The region it acts in."""


@dataclass(slots=True)
class Request:
    """What a handler is given: the call, the world, and the state that this call sees (a stale read sees the past)."""

    world: "World"
    identity: Identity
    call: Call
    state: "CloudFormation"
    parameters: "dict[str, Parameter]"
    """SSM's of the region, by name."""

    @property
    def account(self) -> str:
        """The account that signed."""
        return self.call.account

    @property
    def region(self) -> str:
        """The region the call was signed for."""
        return self.call.region


Handler = Callable[[Request, dict[str, Any]], Reply]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation the fake knows: what answers it, the parameters it understands, whether it changes anything."""

    handler: Handler
    knows: frozenset[str] = field(default_factory=frozenset)
    mutating: bool = False


def reads(handler: Handler, *knows: str) -> Operation:
    """Return an operation that changes nothing and understands these parameters."""
    return Operation(handler, frozenset(knows))


def mutates(handler: Handler, *knows: str) -> Operation:
    """Return an operation that changes something and understands these parameters."""
    return Operation(handler, frozenset(knows), mutating=True)
