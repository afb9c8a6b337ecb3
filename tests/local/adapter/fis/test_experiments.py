from collections.abc import Iterator
from typing import Any

import pytest

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis.experiments import Experiment, FisStore, ResourceNotFoundException, stop
from builder.local.adapter.replication import Direction, Pause, Replication, Route
from local.adapter.experiments import template

BEGAN = 1000.0


def _experiment(**changed: Any) -> Experiment:
    definition = template(table="t", bucket="b", account="111111111111")
    definition["actions"]["pause-bucket"]["parameters"]["duration"] = "PT10M"
    return Experiment("EXP1", "arn", definition, {}, BEGAN, **changed)


def _actions(experiment: Experiment, now: float) -> list[tuple[str, float | None]]:
    return [experiment.action_status(action, now) for action in experiment.template["actions"].values()]


@pytest.mark.parametrize(
    ("after_s", "status", "actions", "ended_s"),
    [
        (0, "running", [("running", None), ("running", None)], None),
        (300, "running", [("completed", BEGAN + 300), ("running", None)], None),
        (600, "completed", [("completed", BEGAN + 300), ("completed", BEGAN + 600)], 600),
    ],
)
def test_an_experiment_runs_as_long_as_its_longest_action(
    after_s: float, status: str, actions: list[tuple[str, float | None]], ended_s: float | None
) -> None:
    experiment, now = _experiment(), BEGAN + after_s
    assert experiment.status(now)[0] == status
    assert _actions(experiment, now) == actions
    assert experiment.ended(now) == (None if ended_s is None else BEGAN + ended_s)


def test_one_that_is_stopped_lets_go_and_ends_with_what_was_running() -> None:
    experiment, replication = _experiment(), Replication()
    replication.pauses = {"EXP1/pause-bucket": Pause(lambda _: True, 1e12), "EXP2/other": Pause(lambda _: True, 1e12)}
    stop(experiment, replication, BEGAN + 400)
    assert list(replication.pauses) == ["EXP2/other"]
    assert experiment.status(BEGAN + 500)[0] == "stopped"
    assert _actions(experiment, BEGAN + 500) == [("completed", BEGAN + 300), ("stopped", BEGAN + 400)]
    assert experiment.ended(BEGAN + 500) == BEGAN + 400


def test_one_that_failed_never_ran() -> None:
    experiment = _experiment(failure="no targets")
    assert experiment.status(BEGAN) == ("failed", "no targets")
    assert _actions(experiment, BEGAN) == [("cancelled", BEGAN)] * 2
    assert experiment.ended(BEGAN) == BEGAN


ACCOUNT, REGION = "111111111111", "us-east-1"
OUT = Route(Direction("dynamodb", REGION, "us-west-2"), ACCOUNT, "t")
DEFINITION = template(table="t", account=ACCOUNT)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[FisStore]:
    """In an account with one global table."""
    tables = touch("ministack.services.dynamodb:_tables")
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"
    regions = [REGION, "us-west-2"]
    tables.set_scoped(ACCOUNT, REGION, "t", {"TableName": "t", "TableArn": arn, "_global_regions": regions})
    with touch("ministack.core.responses:request_scope")(ACCOUNT, REGION):
        yield FisStore(Replication(clock), clock)
    tables.pop_scoped(ACCOUNT, REGION, "t")


def _start(store: FisStore) -> str:
    identifier = store.create_template(DEFINITION)["id"]
    return store.start({"experimentTemplateId": identifier}).id


def test_a_pause_ends_by_itself_when_its_duration_is_over(store: FisStore, clock: Clock) -> None:
    experiment = store.find(_start(store))
    assert not store.replication.is_open(OUT)
    clock.now += 299
    assert not store.replication.is_open(OUT)
    assert experiment.status(clock.now)[0] == "running"
    clock.now += 1
    assert store.replication.is_open(OUT)
    assert experiment.status(clock.now)[0] == "completed"


def test_only_the_target_s_ways_are_paused(store: FisStore) -> None:
    _start(store)
    for free in (
        Route(Direction("dynamodb", REGION, "us-west-2"), ACCOUNT, "other"),
        Route(Direction("dynamodb", REGION, "us-west-2"), "222222222222", "t"),
        Route(Direction("dynamodb", "eu-west-1", "us-west-2"), ACCOUNT, "t"),
        Route(Direction("s3", REGION, "us-west-2"), ACCOUNT, "t"),
    ):
        assert store.replication.is_open(free)


def test_an_experiment_goes_on_when_its_template_is_deleted(store: FisStore) -> None:
    experiment = store.find(_start(store))
    store.delete_template(experiment.template["id"])
    assert not store.replication.is_open(OUT)
    store.stop(experiment.id)
    assert store.replication.is_open(OUT)


def test_a_template_is_another_region_s_none(store: FisStore) -> None:
    identifier = store.create_template(DEFINITION)["id"]
    with (
        touch("ministack.core.responses:request_scope")(ACCOUNT, "us-west-2"),
        pytest.raises(ResourceNotFoundException),
    ):
        store.update_template(identifier, DEFINITION)


def test_nothing_is_kept_after_a_reset(store: FisStore) -> None:
    experiment = _start(store)
    store.reset()
    assert store.templates == {}
    with pytest.raises(ResourceNotFoundException):
        store.find(experiment)
