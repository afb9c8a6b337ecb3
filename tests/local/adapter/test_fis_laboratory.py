from collections.abc import Iterator

import pytest

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis_laboratory import Laboratory, NotFound
from builder.local.adapter.propagation import Direction, Propagation, Way
from local.adapter.experiments import template

ACCOUNT, REGION = "111111111111", "us-east-1"
OUT = Way(Direction("dynamodb", REGION, "us-west-2"), ACCOUNT, "t")
WANTED = template(table="t", account=ACCOUNT)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def laboratory(clock: Clock) -> Iterator[Laboratory]:
    """In an account with one global table."""
    tables = touch("ministack.services.dynamodb:_tables")
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"
    regions = [REGION, "us-west-2"]
    tables.set_scoped(ACCOUNT, REGION, "t", {"TableName": "t", "TableArn": arn, "_global_regions": regions})
    with touch("ministack.core.responses:request_scope")(ACCOUNT, REGION):
        yield Laboratory(Propagation(clock), clock)
    tables.pop_scoped(ACCOUNT, REGION, "t")


def _start(laboratory: Laboratory) -> str:
    identifier = laboratory.create_template(WANTED)["id"]
    return laboratory.start({"experimentTemplateId": identifier}).id


def test_a_pause_ends_by_itself_when_its_duration_is_over(laboratory: Laboratory, clock: Clock) -> None:
    experiment = laboratory.find(_start(laboratory))
    assert not laboratory.propagation.is_open(OUT)
    clock.now += 299
    assert not laboratory.propagation.is_open(OUT)
    assert experiment.status(clock.now)[0] == "running"
    clock.now += 1
    assert laboratory.propagation.is_open(OUT)
    assert experiment.status(clock.now)[0] == "completed"


def test_only_the_target_s_ways_are_paused(laboratory: Laboratory) -> None:
    _start(laboratory)
    for free in (
        Way(Direction("dynamodb", REGION, "us-west-2"), ACCOUNT, "other"),
        Way(Direction("dynamodb", REGION, "us-west-2"), "222222222222", "t"),
        Way(Direction("dynamodb", "eu-west-1", "us-west-2"), ACCOUNT, "t"),
        Way(Direction("s3", REGION, "us-west-2"), ACCOUNT, "t"),
    ):
        assert laboratory.propagation.is_open(free)


def test_an_experiment_goes_on_when_its_template_is_deleted(laboratory: Laboratory) -> None:
    experiment = laboratory.find(_start(laboratory))
    laboratory.delete_template(experiment.template["id"])
    assert not laboratory.propagation.is_open(OUT)
    laboratory.stop(experiment.id)
    assert laboratory.propagation.is_open(OUT)


def test_a_template_is_another_region_s_none(laboratory: Laboratory) -> None:
    identifier = laboratory.create_template(WANTED)["id"]
    with touch("ministack.core.responses:request_scope")(ACCOUNT, "us-west-2"), pytest.raises(NotFound):
        laboratory.update_template(identifier, WANTED)


def test_nothing_is_kept_after_a_reset(laboratory: Laboratory) -> None:
    experiment = _start(laboratory)
    laboratory.forget()
    assert laboratory.templates == {}
    with pytest.raises(NotFound):
        laboratory.find(experiment)
