"""Global tables with their replicas."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Replica:
    """A table in one region."""

    region: str
    added: datetime
    status: str = "ACTIVE"
    deletion_protection: bool = False


@dataclass(slots=True)
class Table:
    """A table in all its regions."""

    name: str
    account: str
    home: str
    """The region of the stack that made it."""
    created: datetime
    replicas: dict[str, Replica] = field(default_factory=dict)

    def arn(self, region: str) -> str:
        """Return the ARN of the table in a region."""
        return f"arn:aws:dynamodb:{region}:{self.account}:table/{self.name}"
