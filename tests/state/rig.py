"""A deployment on the embedded AWS, the clients that read it, and every call that was made."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from builder.aws import Clients
from builder.deploy import Deployment
from builder.state.observe import RegionContext
from builder.terms import Region

T = TypeVar("T")
EAST, WEST = Region("us-east-1"), Region("us-west-2")
NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StateRig:
    deployment: Deployment
    clients: Clients
    requests: list[str]
    account: str

    @property
    def called(self) -> set[tuple[str, str]]:
        """Every operation so far, by service."""
        names = (line.partition(" ")[0].split(".") for line in self.requests)
        return {(service, operation) for service, operation in names}

    def context(self, region: Region, now: datetime = NOW, endpoint: str | None = None) -> RegionContext:
        return RegionContext(clients=self.clients, region=region, now=now, endpoint=endpoint)

    def bucket(self, region: Region) -> str:
        return f"tap-dev-{self.account}-{region}-an"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)
