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
from builder.assembly import Assembly, read_assembly
from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.client import Limits
from builder.components.drill.options import DrillConfig, FisConfig
from builder.config import load_config
from builder.deploy import (
    Done,
    PlanId,
    Removal,
    TrustedInput,
    delete_deployment,
    execute_plan,
    find_deployed,
    make_deployment,
    make_plan,
    observe_system,
)
from builder.drill.context import DrillContext, undo_faults
from builder.drill.findings import DrillProgress, Report
from builder.drill.probe import handler_layout
from builder.drill.probes import HandlerProbes, Probes
from builder.drill.target import Access, Target, observe_target
from builder.drill.verdict import Objectives
from builder.local import EmbeddedAws
from builder.rehearsal.stage import isolated
from local.account import Account
from local.adapter.control import ask
from samples import sampled

ACCOUNT = "555566667777"
ACCOUNT_OF_THREE = "555566668888"


_REAL_TIME = ("test_experiment", "test_failover", "test_replication", "test_restore", "test_undone")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole drills measure real time: what runs beside them on the same machine would be measured too.

    One in five of them is enough for every day.
    """
    here = Path(__file__).parent
    drills = [item for item in items if item.path.parent == here and item.path.stem in _REAL_TIME]
    for item in drills:
        item.add_marker(pytest.mark.alone)
    for item in set(drills).difference(sampled(drills, every=5)):
        item.add_marker(pytest.mark.acceptance)


@dataclass
class Theatre:
    """Where a drill takes place, and what it says meanwhile."""

    target: Target
    clients: Clients
    account: Account
    folder: Path
    objectives: Objectives = field(default_factory=Objectives)
    limits: Limits = field(default_factory=Limits)
    events: list[DrillProgress] = field(default_factory=list)
    kept: list[Report] = field(default_factory=list)
    on_event: Callable[[DrillProgress], None] = lambda _: None

    def context(self) -> DrillContext:
        drill = f"t-{secrets.token_hex(3)}"
        return DrillContext(
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

    def probes(self) -> Probes:
        return HandlerProbes(handler_layout(self.target.table or "none"), self.clients, self.target.health)

    def _take(self, event: DrillProgress) -> None:
        self.events.append(event)
        self.on_event(event)

    def leave_nothing(self, target: Target) -> None:
        """Undo and delete what a test that failed has left, so that the next one does not fail with it."""
        self.target = target
        asyncio.run(undo_faults(target.primary.function, Clients.of_profile(None), lambda _: None))
        for side in target.sides:
            items = [f"item#{name}" for name in self.items(side.region)]
            for key in items:
                self.account.dynamodb(side.region).delete_item(TableName=target.table or "", Key={"id": {"S": key}})
            ask(self.account, "/_builder/faults", {"function_urls": [{"region": side.region, "for_s": 0}]})
        for way in ask(self.account, "/_builder/replication")["delays"]:
            ask(self.account, "/_builder/replication", {"delays": [{**way, "delay_s": 0, "paused": False}]})

    def function_state(self) -> dict[str, Any]:
        """Every property of the primary's function that AWS tells."""
        functions = self.account.functions(self.target.primary.region)
        name = self.target.primary.function.name
        properties: dict[str, Any] = dict(functions.get_function(FunctionName=name))
        del properties["Code"]["Location"]  # signed anew for everybody who asks
        properties["url"] = functions.get_function_url_config(FunctionName=name)
        properties["concurrency"] = functions.get_function_concurrency(FunctionName=name)
        for answer in (properties, properties["url"], properties["concurrency"]):
            del answer["ResponseMetadata"]
        return properties

    def items(self, region: str) -> dict[str, str]:
        """What a reader of the table finds in a region: when each of the drills' items was written, by its id."""
        pages = self.account.dynamodb(region).get_paginator("scan").paginate(TableName=self.target.needed_table)
        found_items = [item for page in pages for item in page["Items"]]
        keys = [(str(item["id"]["S"]), str(item["time"]["S"])) for item in found_items if "body" in item]
        return {key.removeprefix("item#"): time for key, time in keys if key.startswith("item#drill-")}


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedAws]:
    """One that enforces IAM, so that a function whose role is denied the table does not reach it."""
    with EmbeddedAws(enforce_iam=True) as running:
        yield running


@contextmanager
def on_stage(embedded: EmbeddedAws, account: str = ACCOUNT) -> Iterator[None]:
    with isolated(embedded.endpoint, account, "us-east-1"):
        yield


async def _deploy(assembly: Assembly) -> Target:
    clients = Clients.of_profile(None)
    deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
    plan = await make_plan(deployment, clients, PlanId("drills", "now"), lambda _: None)
    assert all(
        isinstance(outcome, Done)
        for outcome in await execute_plan(plan, TrustedInput(deployment=deployment), clients, emit=lambda _: None)
    )
    return await observe_target(await observe_system(deployment, clients), clients)


@pytest.fixture(scope="session")
def deployed_target(embedded: EmbeddedAws) -> Target:
    with on_stage(embedded):
        return asyncio.run(_deploy(read_assembly(ROOT / "templates")))


@pytest.fixture(scope="session")
def deployed_in_three_regions(embedded: EmbeddedAws) -> Target:
    loaded = load_config(ROOT / "dr.yaml")
    regions = loaded.config.regions.model_copy(update={"secondaries": ("us-west-2", "eu-west-1")})
    config = loaded.config.model_copy(update={"regions": regions})
    with on_stage(embedded, ACCOUNT_OF_THREE):
        return asyncio.run(_deploy(make_assembly(type(loaded)(config, loaded.folder, loaded.code))))


@pytest.fixture
def three_regions(deployed_in_three_regions: Target, embedded: EmbeddedAws, tmp_path: Path) -> Iterator[Theatre]:
    """The shipped system with a second secondary."""
    with on_stage(embedded, ACCOUNT_OF_THREE):
        account = Account(embedded.endpoint, ACCOUNT_OF_THREE)
        stage = Theatre(deployed_in_three_regions, Clients.of_profile(None), account, tmp_path / "drills")
        yield stage
        stage.leave_nothing(deployed_in_three_regions)


@pytest.fixture
def theatre(deployed_target: Target, embedded: EmbeddedAws, tmp_path: Path) -> Iterator[Theatre]:
    with on_stage(embedded):
        account = Account(embedded.endpoint, ACCOUNT)
        stage = Theatre(deployed_target, Clients.of_profile(None), account, tmp_path / "drills")
        yield stage
        stage.leave_nothing(deployed_target)


@pytest.fixture
def with_experiment(theatre: Theatre) -> Iterator[Theatre]:
    """The shipped system with an experiment that the alarm `errors` stops."""
    loaded = load_config(ROOT / "dr.yaml")
    config = loaded.config.model_copy(update={"drill": DrillConfig(fis=FisConfig(stop_alarms=("errors",)))})
    assembly = make_assembly(type(loaded)(config, loaded.folder, loaded.code))
    deployment = make_deployment(assembly.manifest, assembly.templates, "dev")

    async def deploy() -> None:
        plan = await make_plan(deployment, theatre.clients, PlanId("fis", "now"), lambda _: None)
        assert [step.stack for step in plan.steps] == ["us-east-1/drill"]
        assert all(
            isinstance(outcome, Done)
            for outcome in await execute_plan(
                plan, TrustedInput(deployment=deployment), theatre.clients, emit=lambda _: None
            )
        )

    async def undeploy() -> None:
        stacks = await find_deployed(deployment.name, deployment.sites, theatre.clients)
        only = tuple(contents for contents in stacks if contents.id == "us-east-1/drill")
        await delete_deployment(Removal(stacks=only, needs={}), theatre.clients, "gone", lambda _: None)

    asyncio.run(deploy())
    try:
        yield theatre
    finally:
        asyncio.run(undeploy())
