"""Alarms of the shipped system on the embedded AWS: seen, set off by what they watch, and a failover ended by one."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import urllib3

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.components.alarms.options import AlarmsConfig
from builder.config import load_config
from builder.deploy import (
    Deployment,
    Done,
    PlanId,
    TrustedInput,
    execute_plan,
    make_deployment,
    make_plan,
    observe_system,
)
from builder.drill import alarms, context
from builder.drill.alarms import check_alarms
from builder.drill.faults import FAULTS
from builder.drill.findings import DrillMoment, DrillProgress
from builder.drill.run import FailoverOptions, drill_failover
from builder.drill.target import Target, observe_target
from builder.errors import Failed, Stopped
from builder.local import EmbeddedAws
from builder.state import ObserveOptions, observe_sites
from builder.state.records import TopicState
from builder.terms import Region
from drill.conftest import Theatre, on_stage
from drill.fault_state import state
from local.account import PRIMARY, Account

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

WEST = Region("us-west-2")
ACCOUNT_WITH_ALARMS = "555566669999"
ERRORS, THROTTLES = "tap-dev-function-errors", "tap-dev-function-throttles"


def deployment_with_alarms() -> Deployment:
    loaded = load_config(ROOT / "dr.yaml")
    config = loaded.config.model_copy(update={"alarms": AlarmsConfig(email=("ops@example.com",), throttles=0)})
    assembly = make_assembly(replace(loaded, config=config))
    return make_deployment(assembly.manifest, assembly.templates, "dev")


@pytest.fixture(scope="module")
def deployed_with_alarms(embedded: EmbeddedAws) -> Target:
    """In an account of its own: what another test has throttled counts for minutes, and these alarms would say so."""

    async def deploy() -> Target:
        clients, deployment = Clients.of_profile(None), deployment_with_alarms()
        plan = await make_plan(deployment, clients, PlanId("alarms", "now"), lambda _: None)
        assert {"us-east-1/alarms", "us-west-2/alarms"} < {step.stack for step in plan.steps}
        trusted = TrustedInput(deployment=deployment)
        assert all(
            isinstance(outcome, Done) for outcome in await execute_plan(plan, trusted, clients, emit=lambda _: None)
        )
        return await observe_target(await observe_system(deployment, clients), clients)

    with on_stage(embedded, ACCOUNT_WITH_ALARMS):
        return asyncio.run(deploy())


@pytest.fixture
def with_alarms(deployed_with_alarms: Target, embedded: EmbeddedAws, tmp_path: Path) -> Iterator[Theatre]:
    """The shipped system with alarms beside it."""
    with on_stage(embedded, ACCOUNT_WITH_ALARMS):
        account = Account(embedded.endpoint, ACCOUNT_WITH_ALARMS)
        stage = Theatre(deployed_with_alarms, Clients.of_profile(None), account, tmp_path / "drills")
        yield stage
        stage.leave_nothing(deployed_with_alarms)


def cloudwatch(theatre: Theatre) -> "CloudWatchClient":
    return boto3.client("cloudwatch", **theatre.account._access(WEST))


def test_alarms_are_seen_and_set_off_by_what_they_watch_and_then_refuse_a_drill(with_alarms: Theatre) -> None:
    theatre, deployment = with_alarms, deployment_with_alarms()
    asking = ObserveOptions(clients=theatre.clients, now=datetime.now(UTC), endpoint=theatre.account.endpoint)
    site = next(site for site in asyncio.run(observe_sites(deployment, asking)).sites if site.region == WEST)
    assert {alarm.alarm for alarm in site.alarms} == {
        *(f"tap-dev-function-{what}" for what in ("errors", "throttles", "duration")),
        "tap-dev-table-latency-to-us-east-1",
        "tap-dev-bucket-pending-from-us-east-1",
        "tap-dev-bucket-late-from-us-east-1",
    }
    assert "ABSENT" not in {alarm.state for alarm in site.alarms}
    assert site.topics == (TopicState(topic="tap-dev-alarms", confirmed=0, pending=("ops@example.com",)),)
    assert THROTTLES in asyncio.run(check_alarms(theatre.context(), theatre.clients, pauses=False)).names

    functions, secondary = theatre.account.functions(WEST), theatre.target.secondary
    functions.put_function_concurrency(FunctionName=secondary.function.name, ReservedConcurrentExecutions=0)
    try:
        host = secondary.url.removeprefix("https://").rstrip("/")
        answer = urllib3.request("GET", f"{theatre.account.endpoint}/health", headers={"Host": host})
        assert answer.status == 429
        with pytest.raises(Stopped, match=f"the alarm {THROTTLES} is in ALARM"):
            asyncio.run(check_alarms(theatre.context(), theatre.clients, pauses=False))
    finally:
        functions.delete_function_concurrency(FunctionName=secondary.function.name)


def test_an_alarm_of_the_secondary_ends_a_failover_and_gives_the_primary_back(
    with_alarms: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, before = with_alarms, state(with_alarms)
    client = cloudwatch(theatre)
    monkeypatch.setattr(alarms, "EVERY_S", 0.2)
    monkeypatch.setattr(context, "LINGERS_S", 0.5)

    def ring(event: DrillProgress) -> None:
        if isinstance(event, DrillMoment) and event.moment == "fault":
            client.set_alarm_state(AlarmName=ERRORS, StateValue="ALARM", StateReason="of the test")

    theatre.on_event = ring
    # What the test before had throttled counts for minutes.
    options = FailoverOptions(
        rate=5, before_s=0.6, outage_s=120, after_s=0, patience_s=10, object_rate=1, despite_alarms=True
    )
    with pytest.raises(Failed) as caught:
        asyncio.run(drill_failover(theatre.context(), options, FAULTS["throttle"]))
    assert f"us-west-2, which takes over: the alarm {ERRORS} is in ALARM" in str(caught.value)
    assert not theatre.kept
    assert state(theatre) == before
    assert not theatre.items(PRIMARY)
    assert "undone" in [event.moment for event in theatre.events if isinstance(event, DrillMoment)]
