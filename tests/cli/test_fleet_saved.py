import json
from pathlib import Path

import pytest

from cli.fleet_rig import FleetCommand, render
from fleet.rig import CHANGED


def test_a_saved_plan_is_executed_exactly_and_every_step_told(fleet: FleetCommand) -> None:
    fleet("plan")
    answer = fleet("execute", "fleet-plan.json", "--json")
    assert answer.code == 0, answer
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert {"set.progress", "stack.finished", "fleet.ended"} <= {one["event"] for one in events}
    assert [one["outcome"] for one in events[-1]["sets"]] == ["setdone", "setdone"]


@pytest.mark.parametrize("verb", ["show", "execute"])
def test_a_plan_that_is_not_there_is_named(fleet: FleetCommand, verb: str) -> None:
    answer = fleet(verb, "none.json")
    assert answer.code == 2
    assert "next:  python -m builder fleet plan -o none.json" in answer.err


def test_ctrl_c_leaves_the_operation_running_and_says_what_stops_it(standing: FleetCommand) -> None:
    render(Path("templates"), CHANGED)
    standing.world.script.takes(300, action="UPDATE", resource="Topic")
    standing("plan")
    standing.interrupted = True
    answer = standing("execute", "fleet-plan.json")
    assert answer.code == 130
    assert "python -m builder fleet stop" in answer.err
    standing.interrupted = False
    stopped = standing("stop")
    assert stopped.code == 0
    assert "us-west-2/storage        started: STOP UPDATE " in stopped.out
    assert "us-west-2/storage: UPDATE " in stopped.err
    standing.world.settle()
    assert "no operation runs" in standing("stop").err


def test_with_stop_ctrl_c_stops_the_operation_too(standing: FleetCommand) -> None:
    render(Path("templates"), CHANGED)
    standing.world.script.takes(300, action="UPDATE", resource="Topic")
    standing("plan")
    standing.interrupted = True
    answer = standing("execute", "fleet-plan.json", "--stop")
    assert answer.code == 130
    assert "started: STOP UPDATE " in answer.out
