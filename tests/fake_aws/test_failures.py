"""Operations that fail: what is rolled back, what is left, what the history says."""

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  First: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
  Second: {Type: AWS::SNS::Topic, DependsOn: First, Properties: {DisplayName: !Ref Name}}
  Group: {Type: AWS::Logs::LogGroup, DependsOn: First, Properties: {LogGroupName: !Sub "/x/${Name}"}}
"""
MORE = BODY + "  Third: {Type: AWS::SNS::Topic, DependsOn: [Second, Group]}\n"
TWO = [{"ParameterKey": "Name", "ParameterValue": "two"}]


def _history(world: World, since: str = "app CREATE_IN_PROGRESS", name: str = "app") -> list[str]:
    """The history as `LogicalId STATUS reason`, from the last time that line was written."""
    lines = [" ".join((e.logical_id, e.status, e.reason or "")).strip() for e in world.stack(name).record.events]
    return lines[max(number for number, line in enumerate(lines) if line.startswith(since)) :]


def test_a_failed_creation_cancels_what_runs_and_deletes_what_was_made(world: World, deploy: "Deploy") -> None:
    world.script.fails("CREATE", "Second", reason="no")
    world.script.takes(10, resource="Group")
    assert deploy(BODY) == "ROLLBACK_COMPLETE"
    history = _history(world)
    assert "Group CREATE_FAILED Resource creation cancelled" in history
    failed = "The following resource(s) failed to create: [Group, Second]. Rollback requested by user."
    rolled_back = history[history.index(f"app ROLLBACK_IN_PROGRESS {failed}") :]
    deleted = [line for line in rolled_back if line.endswith("DELETE_COMPLETE")]
    assert deleted[-1] == "First DELETE_COMPLETE"
    assert set(deleted) == {"First DELETE_COMPLETE", "Second DELETE_COMPLETE", "Group DELETE_COMPLETE"}
    assert world.names == set()


def test_nothing_that_needs_the_failed_resource_is_started(world: World, deploy: "Deploy") -> None:
    world.script.fails("CREATE", "First", reason="no")
    assert deploy(BODY) == "ROLLBACK_COMPLETE"
    assert not any("Second" in line or "Group" in line for line in _history(world))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"OnStackFailure": "DO_NOTHING"}, "CREATE_FAILED"),
        ({"OnStackFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE"),
        ({"OnStackFailure": "DELETE"}, "DELETE_COMPLETE"),
        ({"DisableRollback": True}, "CREATE_FAILED"),
        ({"DisableRollback": False}, "ROLLBACK_COMPLETE"),
    ],
)
def test_the_caller_says_what_becomes_of_a_failed_creation(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", options: dict[str, object], status: str
) -> None:
    world.script.fails("CREATE", "Second", reason="no")
    execution = {key: value for key, value in options.items() if key == "DisableRollback"}
    arn = plan(BODY, **{key: value for key, value in options.items() if key == "OnStackFailure"})
    cfn.execute_change_set(ChangeSetName=arn, **execution)  # type: ignore[arg-type]  # keywords by case
    world.settle()
    assert world.stack("app").status == status
    if status == "CREATE_FAILED":
        assert cfn.describe_change_set(ChangeSetName=arn)["ExecutionStatus"] == "EXECUTE_FAILED"
        cfn.rollback_stack(StackName="app")
        world.settle()
        assert world.stack("app").status == "ROLLBACK_COMPLETE"


def test_a_failed_creation_can_be_updated_into_a_good_one(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    world.script.fails("CREATE", "Second", reason="no")
    cfn.execute_change_set(ChangeSetName=plan(BODY), DisableRollback=True)
    world.settle()
    shown = cfn.describe_change_set(ChangeSetName=plan(BODY, name="second"))
    assert {each["ResourceChange"]["Action"] for each in shown["Changes"]} <= {"Add", "Modify"}


def test_a_rollback_that_cannot_delete_is_a_failed_one(world: World, deploy: "Deploy") -> None:
    world.script.fails("CREATE", "Second", reason="no")
    world.script.fails("DELETE", "First", reason="held")
    assert deploy(BODY) == "ROLLBACK_FAILED"
    assert world.stack("app").record.reason == "The following resource(s) failed to delete: [First]. "


def test_a_failed_update_brings_everything_back(world: World, deploy: "Deploy") -> None:
    deploy(BODY)
    names = set(world.names)
    world.script.fails("UPDATE", "Second", reason="no")
    world.script.takes(10, resource="Group")
    assert deploy(BODY, name="second", Parameters=TWO) == "UPDATE_ROLLBACK_COMPLETE"
    history = _history(world, "app UPDATE_IN_PROGRESS")
    assert "Group UPDATE_FAILED Resource update cancelled" in history
    assert "app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Group, Second]." in history
    assert "app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" in history
    assert world.names == names
    record = world.stack("app").record
    assert record.resources["Second"].properties == {"DisplayName": "one"}
    assert record.deployed.parameters == {"Name": "one"}


def test_a_rollback_that_fails_too_waits_for_a_person(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(BODY)
    names = set(world.names)
    world.script.fails("UPDATE", "Second", reason="no")
    world.script.fails("UPDATE_ROLLBACK", "First", reason="no way back", times=2)
    assert deploy(BODY, name="second", Parameters=TWO) == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        cfn.create_change_set(StackName="app", ChangeSetName="third", TemplateBody=BODY)
    cfn.continue_update_rollback(StackName="app", ClientRequestToken="again")
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="ResourcesToSkip"):
        cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["Group"])
    cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["First"])
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.names == names


def test_with_rollback_disabled_a_failed_update_can_be_rolled_back_or_retried(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    names = set(world.names)
    world.script.fails("CREATE", "Third", reason="no", times=2)
    for name in ("second", "third"):
        cfn.execute_change_set(ChangeSetName=plan(MORE, name=name), DisableRollback=True)
        world.settle()
        assert world.stack("app").status == "UPDATE_FAILED"
        assert world.stack("app").record.reason == "The following resource(s) failed to create: [Third]. "
    cfn.rollback_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_COMPLETE"
    assert world.names == names
    assert deploy(MORE, name="fourth", Parameters=TWO) == "UPDATE_COMPLETE"


def test_an_update_can_be_cancelled_while_it_runs(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    cfn.execute_change_set(ChangeSetName=plan(BODY))
    with pytest.raises(ClientError, match="CancelUpdateStack cannot be called from current stack status"):
        cfn.cancel_update_stack(StackName="app")
    world.settle()
    cfn.execute_change_set(ChangeSetName=plan(BODY, name="second", Parameters=TWO))
    world.pass_time(3)
    cfn.cancel_update_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_COMPLETE"
    assert "First UPDATE_FAILED Resource update cancelled" in _history(world, "app UPDATE_IN_PROGRESS")


def test_replaced_and_removed_resources_go_in_the_cleanup(world: World, deploy: "Deploy") -> None:
    deploy(MORE)
    assert deploy(BODY, name="second", Parameters=TWO) == "UPDATE_COMPLETE"
    history = _history(world, "app UPDATE_IN_PROGRESS")
    cleanup = history[history.index("app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") :]
    assert [line for line in cleanup if line.endswith("DELETE_COMPLETE")] == [
        "Group DELETE_COMPLETE",
        "Third DELETE_COMPLETE",
    ]
    creating = "Requested update requires the creation of a new physical resource; hence creating one."
    assert f"Group UPDATE_IN_PROGRESS {creating}" in history


def test_what_cannot_be_cleaned_up_stays_behind_an_update_that_is_complete(world: World, deploy: "Deploy") -> None:
    deploy(MORE)
    world.script.fails("DELETE", "Third", reason="held")
    assert deploy(BODY, name="second") == "UPDATE_COMPLETE"
    assert world.stack("app").record.reason == "One or more resources could not be deleted."


def test_a_name_that_is_taken_fails_early_validation_or_else_the_creation(world: World, deploy: "Deploy") -> None:
    world.names.add(("AWS::Logs::LogGroup", "111122223333", "us-east-1", "/x/two"))
    deploy(BODY)
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        deploy(BODY, name="second", Parameters=TWO)


def test_without_us_east_1_other_regions_change_functions_but_no_roles(world: World) -> None:
    west = world.stack("app", region="us-west-2")
    west.deploy(BODY)
    world.region_down("us-east-1")
    config = Config(connect_timeout=5, retries={"total_max_attempts": 1})
    east, there = (
        world.session().client("cloudformation", region_name=region, config=config)
        for region in ("us-east-1", "us-west-2")
    )
    with pytest.raises(ConnectTimeoutError):
        east.describe_stacks()
    role = "  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17}}}\n"
    for name, body, status in (("a", MORE, "UPDATE_COMPLETE"), ("b", MORE + role, "UPDATE_ROLLBACK_COMPLETE")):
        there.create_change_set(StackName="app", ChangeSetName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
        world.settle()
        there.execute_change_set(StackName="app", ChangeSetName=name)
        world.settle()
        assert west.status == status
    world.region_up("us-east-1")
    east.describe_stacks()


def test_a_custom_named_resource_cannot_be_replaced_under_its_name(world: World, deploy: "Deploy") -> None:
    named = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: named.fifo, FifoTopic: true}}}"
    deploy(named)
    assert deploy(named.replace("true", "false"), name="second") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [event.reason for event in world.stack("app").record.events if event.status == "UPDATE_FAILED"]
    assert len(reasons) == 1
    assert str(reasons[0]).endswith(
        "custom-named resource requires replacing. Rename named.fifo and update the stack again."
    )


def test_a_retained_resource_survives_its_stack(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy("Resources: {Kept: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, Properties: {LogGroupName: kept}}}")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").record.resources["Kept"].status == "DELETE_SKIPPED"
    assert world.names == {("AWS::Logs::LogGroup", "111122223333", "us-east-1", "kept")}


def test_what_failed_only_on_its_way_forth_cannot_be_skipped(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.script.fails("UPDATE", "Second", reason="no")
    world.script.takes(1, action="UPDATE_ROLLBACK", resource="First")
    world.script.fails("UPDATE_ROLLBACK", "First", reason="no way back")
    assert deploy(BODY, name="second", Parameters=TWO) == "UPDATE_ROLLBACK_FAILED"
    assert world.stack("app").record.resources["Second"].status == "UPDATE_FAILED"
    with pytest.raises(ClientError, match=r"ResourcesToSkip: \[Second\]"):
        cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["First", "Second"])
    cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["First"])
