"""What a stack, or a StackSet's instances, are asked to be."""

from dataclasses import dataclass, field
from typing import Protocol

from fake_aws.json_value import Json


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
