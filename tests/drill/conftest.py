"""The shipped system deployed once on the embedded AWS, and drilled there; every drill clears up after itself."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from answer import ROOT
from builder.assembly import read_assembly
from builder.aws import Clients
from builder.client import Limits
from builder.deploy import Done, Seal, Trusted, execute_plan, make_deployment, make_plan, observe_system
from builder.drill.findings import Report
from builder.drill.load import Access
from builder.drill.progress import DrillProgress
from builder.drill.run import Ground
from builder.drill.target import Target, observe_target
from builder.drill.verdict import Objectives
from builder.local import EmbeddedAws
from builder.rehearsal.isolation import isolated
from local.account import Account

ACCOUNT = "555566667777"


_REAL_TIME = ("test_experiment", "test_failover", "test_replication", "test_restore", "test_undone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole drills measure real time: what runs beside them on the same machine would be measured too."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.stem in _REAL_TIME:
            item.add_marker(pytest.mark.alone)


@dataclass
class Theatre:
    """Where a drill takes place, and what it says meanwhile."""

    target: Target
    clients: Clients
    account: Account
    folder: Path
    objectives: Objectives = field(default_factory=Objectives)
    limits: Limits = field(default_factory=Limits)
    said: list[DrillProgress] = field(default_factory=list)
    kept: list[Report] = field(default_factory=list)
    on_event: Callable[[DrillProgress], None] = lambda _: None

    def ground(self) -> Ground:
        drill = f"t-{secrets.token_hex(3)}"
        return Ground(
            drill=drill,
            target=self.target,
            environment="dev",
            assembly="0" * 64,
            objectives=self.objectives,
            clients=self.clients,
            access=Access(self.account.endpoint, self.clients.credentials(), self.limits),
            folder=self.folder / drill,
            now=lambda: datetime.now(UTC),
            emit=self._take,
            keep=self.kept.append,
        )

    def _take(self, event: DrillProgress) -> None:
        self.said.append(event)
        self.on_event(event)

    def function_state(self) -> dict[str, Any]:
        """Every property of the primary's function that AWS tells."""
        functions = self.account.functions(self.target.primary.region)
        name = self.target.primary.function.name
        found: dict[str, Any] = dict(functions.get_function(FunctionName=name))
        del found["Code"]["Location"]  # signed anew for everybody who asks
        found["url"] = functions.get_function_url_config(FunctionName=name)
        found["concurrency"] = functions.get_function_concurrency(FunctionName=name)
        for answer in (found, found["url"], found["concurrency"]):
            del answer["ResponseMetadata"]
        return found

    def items(self, region: str) -> dict[str, str]:
        """What a reader of the table finds in a region: when each of the drills' items was written, by its id."""
        pages = self.account.dynamodb(region).get_paginator("scan").paginate(TableName=self.target.needed_table)
        found = [item for page in pages for item in page["Items"]]
        keys = [(str(item["id"]["S"]), str(item["time"]["S"])) for item in found if "body" in item]
        return {key.removeprefix("item#"): time for key, time in keys if key.startswith("item#drill-")}


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedAws]:
    """One that enforces IAM, so that a function whose role is denied the table does not reach it."""
    with EmbeddedAws(enforce_iam=True) as running:
        yield running


@contextmanager
def on_stage(embedded: EmbeddedAws) -> Iterator[None]:
    with isolated(embedded.endpoint, ACCOUNT, "us-east-1"):
        yield


async def _deploy() -> Target:
    assembly, clients = read_assembly(ROOT / "templates"), Clients.of_profile(None)
    deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
    plan = await make_plan(deployment, clients, Seal("drills", "now"), lambda _: None)
    assert all(
        isinstance(one, Done)
        for one in await execute_plan(plan, Trusted(deployment=deployment), clients, emit=lambda _: None)
    )
    return await observe_target(await observe_system(deployment, clients), clients)


@pytest.fixture(scope="session")
def deployed_target(embedded: EmbeddedAws) -> Target:
    with on_stage(embedded):
        return asyncio.run(_deploy())


@pytest.fixture
def theatre(deployed_target: Target, embedded: EmbeddedAws, tmp_path: Path) -> Iterator[Theatre]:
    with on_stage(embedded):
        account = Account(embedded.endpoint, ACCOUNT)
        yield Theatre(deployed_target, Clients.of_profile(None), account, tmp_path / "drills")
