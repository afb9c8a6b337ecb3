"""The shipped system deployed on the embedded AWS, and drilled there."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.assembly import read_assembly
from builder.aws import Clients
from builder.deploy import make_deployment, observe_outputs
from builder.drill.progress import DrillProgress
from builder.drill.run import Ground
from builder.drill.target import Target, observe_target
from builder.drill.verdict import Objectives
from builder.drill.writers import Access
from builder.local import EmbeddedAws
from conftest import Command


@dataclass
class Theatre:
    """Where a drill takes place, and what it says meanwhile."""

    target: Target
    clients: Clients
    endpoint: str
    folder: Path
    objectives: Objectives = field(default_factory=Objectives)
    said: list[DrillProgress] = field(default_factory=list)
    on_event: Callable[[DrillProgress], None] = lambda _: None

    def ground(self) -> Ground:
        drill = f"t-{secrets.token_hex(3)}"
        return Ground(
            drill=drill,
            target=self.target,
            environment="dev",
            objectives=self.objectives,
            clients=self.clients,
            access=Access(self.endpoint, self.clients.credentials()),
            folder=self.folder / drill,
            now=lambda: datetime.now(UTC),
            emit=self._take,
        )

    def _take(self, event: DrillProgress) -> None:
        self.said.append(event)
        self.on_event(event)


@pytest.fixture
def theatre(project: Path, credentials: None, builder: Command, embedded: EmbeddedAws) -> Theatre:
    answer = builder("deploy", "--yes")
    assert answer.code == 0, answer
    assembly = read_assembly(project / "templates")
    deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
    clients = Clients.of_profile(None)
    outputs = asyncio.run(observe_outputs(deployment, clients))
    services = {name: deployment.places[stack] for name, (stack, _) in deployment.outputs.items()}
    target = asyncio.run(observe_target(deployment.name, outputs, services, clients))
    return Theatre(target, clients, embedded.endpoint, project / "drills")
