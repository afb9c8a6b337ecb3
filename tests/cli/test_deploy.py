"""`deploy`: on the fake AWS."""

import json

import jsonschema
import pytest

from builder.report.schema import make_event_schema
from cli.on_fake import ACCOUNT, OnWorld

REGIONS = ("us-east-1", "us-west-2")


@pytest.mark.slow
def test_a_deployment_has_the_names_that_its_suffix_gives(command: OnWorld) -> None:
    assert command("deploy", "--yes", "--env", "synthmfm20").code == 0
    assert [name for _, name in command.world.tables] == ["tap-synthmfm20-global"]
    for region, role in zip(REGIONS, ("primary", "secondary"), strict=True):
        functions = [name for _, where, name in command.world.functions if where == region]
        assert functions == [f"tap-synthmfm20-{role}"]
    assert sorted(command.world.buckets) == [f"tap-synthmfm20-{ACCOUNT}-{region}-an" for region in REGIONS]


@pytest.mark.slow
def test_a_second_deploy_makes_no_change_set_and_says_so(on_deployed: OnWorld) -> None:
    answer = on_deployed("deploy", "--yes")
    assert answer.code == 0
    assert "No changes: all 5 stacks are as they should be." in answer.out
    for place in on_deployed.stacks():
        region, _, stack = place.partition("/")
        sets = on_deployed.client("cloudformation", region).list_change_sets(StackName=stack)["Summaries"]
        assert [change_set["ExecutionStatus"] for change_set in sets] == ["EXECUTE_COMPLETE"]


@pytest.mark.slow
def test_every_line_of_a_run_as_json_is_one_of_the_schema_the_outputs_too(on_deployed: OnWorld) -> None:
    answer = on_deployed("deploy", "--yes", "--json")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    check = jsonschema.Draft202012Validator(json.loads(make_event_schema()))
    assert [error.message for line in lines for error in check.iter_errors(line)] == []
    assert lines[-1]["event"] == "outputs.read"
    assert lines[-1]["outputs"] == json.loads(on_deployed("outputs", "--json").out)


@pytest.mark.slow
def test_a_step_that_fails_is_named_by_its_first_resource_and_what_needs_it_is_never_started(command: OnWorld) -> None:
    command.world.script.fails("CREATE", "Table", reason="is taken")
    answer = command("deploy", "--yes")
    assert answer.code == 1
    assert "us-east-1/table: ROLLBACK_COMPLETE: Table (AWS::DynamoDB::GlobalTable): is taken" in answer.out
    assert "us-west-2/service: not started" in answer.out
    command.world.settle()
    assert "us-west-2/tap-dev-service" not in command.stacks()
    assert command.world.tables == {}
    # What failed to come into being holds nothing: once its reason is gone, the same command makes it anew.
    assert command("deploy", "--yes").code == 0
    assert "us-west-2/tap-dev-service" in command.stacks()


def test_without_a_terminal_deploy_asks_nobody_and_takes_its_change_sets_back(command: OnWorld) -> None:
    answer = command("deploy")
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    command.world.settle()
    assert command.stacks() == {}
