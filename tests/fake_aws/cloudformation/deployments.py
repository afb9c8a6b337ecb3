"""What a stack, or a StackSet's instances, are asked to be."""

import copy
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeVar

from fake_aws.json_value import Json

WHOLE = 0
"""In the memo of a deep copy: nothing is shared with the copy. No object has it for its id."""

Copied = TypeVar("Copied")


def whole(original: Copied, memo: dict[int, object]) -> Copied:
    """Return a deep copy of a record that shares something where its past is kept."""
    then = copy.copy(original)
    memo[id(original)] = then
    for each in fields(original):  # type: ignore[arg-type]  # of a dataclass
        setattr(then, each.name, copy.deepcopy(getattr(original, each.name), memo))
    return then


@dataclass(frozen=True, slots=True)
class PlannedChild:
    """A nested stack that a change set of its parent has looked into."""

    stack_id: str
    change_set_id: str
    changes: bool
    """Whether anything changes in it; its change set has failed if not."""


@dataclass(slots=True)
class Deployment:
    """What a stack is asked to be: a template with its inputs."""

    body: str
    parameters: dict[str, str]
    """As given or by default; lists as comma-separated text."""
    tags: dict[str, str]
    capabilities: list[str]
    role_arn: str | None = None
    reverts_drift: bool = False
    imports: dict[str, str] = field(default_factory=dict)
    """Physical ids of what its execution takes over, by logical id; known once its change set is made."""
    notification_arns: list[str] = field(default_factory=list)
    rollback: dict[str, Json] = field(default_factory=dict)
    """Its RollbackConfiguration."""
    resolved: dict[str, str] = field(default_factory=dict)
    """What SSM had for the parameters that are kept there, when this was asked for."""
    children: dict[str, PlannedChild] = field(default_factory=dict)
    """By logical id the nested stacks that have change sets of their own; known once its change set is made."""
    processed: str | None = None
    """What a test says that transforms made of the template; None where there are none."""


class Deployed(Protocol):
    """Something that stands as a deployment has it."""

    @property
    def deployed(self) -> Deployment:
        """What it is."""
