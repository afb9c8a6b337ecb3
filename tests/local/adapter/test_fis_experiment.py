from typing import Any

import pytest

from builder.local.adapter.fis_experiment import Experiment, stop
from builder.local.adapter.propagation import Hold, Propagation
from local.adapter.experiments import template

BEGAN = 1000.0


def _experiment(**changed: Any) -> Experiment:
    wanted = template(table="t", bucket="b", account="111111111111")
    wanted["actions"]["pause-bucket"]["parameters"]["duration"] = "PT10M"
    return Experiment("EXP1", "arn", wanted, {}, BEGAN, **changed)


def _actions(experiment: Experiment, now: float) -> list[tuple[str, float | None]]:
    return [experiment.action_status(one, now) for one in experiment.template["actions"].values()]


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
    experiment, propagation = _experiment(), Propagation()
    propagation.holds = {"EXP1/pause-bucket": Hold(lambda _: True, 1e12), "EXP2/other": Hold(lambda _: True, 1e12)}
    stop(experiment, propagation, BEGAN + 400)
    assert list(propagation.holds) == ["EXP2/other"]
    assert experiment.status(BEGAN + 500)[0] == "stopped"
    assert _actions(experiment, BEGAN + 500) == [("completed", BEGAN + 300), ("stopped", BEGAN + 400)]
    assert experiment.ended(BEGAN + 500) == BEGAN + 400


def test_one_that_failed_never_ran() -> None:
    experiment = _experiment(failure="no targets")
    assert experiment.status(BEGAN) == ("failed", "no targets")
    assert _actions(experiment, BEGAN) == [("cancelled", BEGAN)] * 2
    assert experiment.ended(BEGAN) == BEGAN
