"""Lambda functions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Function:
    """A function as its stack made it, and what was changed since."""

    name: str
    arn: str
    modified: datetime
    properties: dict[str, Any]
    """As CloudFormation writes them."""
    active: bool = False
    """Whether it is ready: in express mode its stack does not wait for that."""
    reserved: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
