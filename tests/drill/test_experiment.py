"""An experiment that pauses replication, begun and stopped on the embedded AWS."""

import asyncio

import pytest

from builder.drill import faults
from builder.drill.context import undo_faults
from builder.drill.faults import FAULTS, PAUSED_S
from builder.drill.note import TAG, Note, Reserved, keep_note
from builder.drill.replication import find_template, start_experiment, stop_experiment
from builder.drill.run import FailoverOptions, drill_failover
from builder.errors import Failed, Stopped
from drill.conftest import Theatre
from drill.short_drills import exposed
from local.adapter.experiments import fis


def running(theatre: Theatre) -> list[str]:
    """The drills whose experiments run."""
    experiments = fis(theatre.account).list_experiments()["experiments"]
    return [experiment["tags"][TAG] for experiment in experiments if experiment["state"]["status"] == "running"]


def test_a_deployment_without_an_experiment_says_how_to_get_one(theatre: Theatre) -> None:
    with pytest.raises(Stopped, match="has no experiment by which replication could be paused") as caught:
        asyncio.run(find_template(theatre.clients, theatre.target.primary.function, theatre.target.deployment))
    assert "drill: fis" in caught.value.next_step


def test_what_a_drill_began_is_stopped_and_nothing_else(with_experiment: Theatre) -> None:
    clients, function = with_experiment.clients, with_experiment.target.primary.function
    template = asyncio.run(find_template(clients, function, with_experiment.target.deployment))
    asyncio.run(start_experiment(clients, function, template, "ours"))
    asyncio.run(start_experiment(clients, function, template, "another-s"))
    assert set(running(with_experiment)) == {"ours", "another-s"}
    asyncio.run(stop_experiment(clients, function, "ours"))
    assert running(with_experiment) == ["another-s"]
    asyncio.run(stop_experiment(clients, function, "another-s"))
    assert running(with_experiment) == []


def test_an_experiment_that_finds_nothing_to_pause_fails(with_experiment: Theatre) -> None:
    client = fis(with_experiment.account)
    target = {"resourceType": "aws:dynamodb:global-table", "resourceTags": {"no": "such"}, "selectionMode": "ALL"}
    action = {
        "actionId": "aws:dynamodb:global-table-pause-replication",
        "parameters": {"duration": "PT1M"},
        "targets": {"Tables": "t"},
    }
    made = client.create_experiment_template(
        description="of nothing",
        roleArn="arn:aws:iam::123456789012:role/fis",
        stopConditions=[{"source": "none"}],
        targets={"t": target},
        actions={"a": action},
    )["experimentTemplate"]
    with pytest.raises(Failed, match="the experiment is failed: "):
        asyncio.run(start_experiment(with_experiment.clients, with_experiment.target.primary.function, made["id"], "d"))
    client.delete_experiment_template(id=made["id"])


def test_a_region_taken_down_behind_loses_what_the_pause_held_back(with_experiment: Theatre) -> None:
    before = with_experiment.function_state()
    options = FailoverOptions(rate=10, before_s=1, outage_s=1.5, after_s=0.5, patience_s=20)
    report = asyncio.run(drill_failover(with_experiment.context(), options, FAULTS["fis"]))
    print("RPO", exposed(report).rpo_s, "lost", len(exposed(report).lost))
    assert exposed(report).rpo_s == pytest.approx(PAUSED_S, abs=0.5)
    assert report.reconciliation.is_complete
    assert running(with_experiment) == []
    assert with_experiment.function_state() == before


def test_an_experiment_of_a_drill_that_did_not_end_is_stopped(with_experiment: Theatre) -> None:
    before = with_experiment.function_state()
    theatre = with_experiment

    async def broken_off() -> None:
        template = await find_template(theatre.clients, theatre.target.primary.function, theatre.target.deployment)
        await keep_note(theatre.clients, theatre.target.primary.function, Note("d1", Reserved(None, "fis")))
        await start_experiment(theatre.clients, theatre.target.primary.function, template, "d1")

    asyncio.run(broken_off())
    assert running(theatre) == ["d1"]
    assert asyncio.run(undo_faults(theatre.target.primary.function, theatre.clients, lambda _: None))
    assert running(theatre) == []
    assert theatre.function_state() == before


def test_a_pause_that_does_not_take_hold_ends_the_drill_without_an_outage(
    with_experiment: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "PAUSED_S", 60.0)
    monkeypatch.setattr(faults, "_PAUSES_WITHIN_S", 0.3)
    before = with_experiment.function_state()
    options = FailoverOptions(rate=10, before_s=1, outage_s=1, after_s=0, patience_s=20)
    with pytest.raises(Failed, match="us-west-2: replication did not stop"):
        asyncio.run(drill_failover(with_experiment.context(), options, FAULTS["fis"]))
    assert "fault" not in [event.moment for event in with_experiment.events if event.event == "drill.moment"]
    assert running(with_experiment) == []
    assert with_experiment.function_state() == before
