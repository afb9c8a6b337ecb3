"""`show`, `execute` and `discard` of a saved plan: on the fake AWS."""

import json
from pathlib import Path

import pytest

from answer import Command
from builder.cli.files import read_saved
from builder.errors import BadInput
from cli.on_fake import OnWorld


def test_a_file_that_is_no_plan_is_a_wrong_input_for_every_verb(builder: Command, project: Path) -> None:
    (project / "plan.json").write_text("{}")
    for verb in ("show", "execute", "discard"):
        answer = builder(verb, "plan.json")
        assert (answer.code, "is not a plan" in answer.err) == (2, True)


def test_a_discarded_plan_leaves_nothing(command: OnWorld) -> None:
    command("plan")
    answer = command("discard", "plan.json")
    command.world.settle()
    assert (answer.code, command.stacks()) == (0, {})
    assert command("execute", "plan.json").code == 4


def test_a_plan_of_another_environment_is_not_executed(command: OnWorld) -> None:
    command("--env", "staging", "plan")
    stood = command.stacks()
    answer = command("--env", "prod", "execute", "plan.json")
    assert answer.code == 2
    assert "the plan is of the deployment tap-staging, and what is to be executed is tap-prod" in answer.err
    assert command.stacks() == stood


def test_a_plan_of_another_assembly_is_not_executed(project: Path, command: OnWorld) -> None:
    command("plan")
    dr = project / "dr.yaml"
    dr.write_text(dr.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    assert command("render").code == 0
    answer = command("execute", "plan.json")
    assert (answer.code, "made from another assembly than the one at hand" in answer.err) == (2, True)


@pytest.mark.slow
def test_a_plan_is_executed_in_the_order_of_its_needs_and_not_twice(command: OnWorld) -> None:
    command("plan")
    answer = command("execute", "plan.json", "--json")
    assert answer.code == 0
    events = [json.loads(line) for line in answer.out.splitlines()]
    done = {e["stack"]: i for i, e in enumerate(events) if e["event"] == "stack.finished"}
    started = {e["stack"]: i for i, e in enumerate(events) if e["event"] == "stack.started"}
    assert done["us-west-2/storage"] < started["us-east-1/storage"]
    assert done["us-east-1/table"] < min(started["us-east-1/service"], started["us-west-2/service"])
    of_stacks = {"run.begun", "stack.started", "stack.status", "stack.finished", "run.ended"}
    assert {e["event"] for e in events} == of_stacks | {"resource.status"}
    answer = command("execute", "plan.json")
    assert answer.code == 0
    assert answer.out.count("done: executed before") == 5
    assert answer.out.endswith("5 done, 0 failed, 0 not started\n")


def test_a_saved_plan_is_read_with_the_name_of_its_file(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    saved.write_bytes(b"{}")
    assert read_saved(saved, lambda data, where: (data, where), "plan") == (b"{}", str(saved))


def test_a_file_that_is_not_there_is_answered_with_the_verb_that_makes_it(tmp_path: Path) -> None:
    missing = tmp_path / "other.json"
    with pytest.raises(BadInput, match="cannot be read") as caught:
        read_saved(missing, lambda data, _: data, "fleet plan")
    assert caught.value.next_step == f"python -m builder fleet plan -o {missing}"
