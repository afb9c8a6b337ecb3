"""Express deployments, and what becomes of a stack whose rollback is disabled."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  First: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
  Second: {Type: AWS::SNS::Topic, DependsOn: First}
"""
MORE = BODY + "  Third: {Type: AWS::SNS::Topic, DependsOn: Second}\n"
TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: things
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: us-west-2}]
"""
EXPRESS = {"Mode": "EXPRESS"}
TWO = [{"ParameterKey": "Name", "ParameterValue": "two"}]


def _seconds(world: World) -> float:
    events = world.stack("app").record.events
    began = next(each.at for each in reversed(events) if each.logical_id == "app" and "IN_PROGRESS" in each.status)
    return (events[-1].at - began).total_seconds()


def test_an_express_stack_is_complete_before_its_resources_are_ready(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    world.script.takes(100, resource="Table")
    dynamodb = world.session().client("dynamodb", region_name="us-west-2")
    arn = plan(TABLE, DeploymentConfig=EXPRESS)
    assert cfn.describe_change_set(ChangeSetName=arn)["DeploymentConfig"] == EXPRESS
    cfn.execute_change_set(ChangeSetName=arn)
    world.pass_time(40)
    assert world.stack("app").status == "CREATE_COMPLETE"
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["DeploymentConfig"] == EXPRESS
    assert dynamodb.describe_table(TableName="things")["Table"]["TableStatus"] == "CREATING"
    reasons = [each.reason for each in world.stack("app").record.events if each.status == "CREATE_COMPLETE"]
    assert reasons == [
        "Resource operation completed using Express Mode. It may continue becoming available in the background.",
        None,
    ]
    world.settle()
    assert dynamodb.describe_table(TableName="things")["Table"]["TableStatus"] == "ACTIVE"


def test_a_standard_stack_waits_for_every_replica(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    world.script.takes(100, resource="Table")
    dynamodb = world.session().client("dynamodb", region_name="us-west-2")
    cfn.execute_change_set(ChangeSetName=plan(TABLE, DeploymentConfig={"Mode": "STANDARD"}))
    world.pass_time(90)
    assert world.stack("app").status == "CREATE_IN_PROGRESS"
    assert dynamodb.describe_table(TableName="things")["Table"]["TableStatus"] == "CREATING"
    world.settle()
    assert dynamodb.describe_table(TableName="things")["Table"]["TableStatus"] == "ACTIVE"


def test_express_keeps_the_order_and_is_faster_all_the_same(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(BODY)
    standard = _seconds(world)
    cfn.delete_stack(StackName="app")
    world.settle()
    slow = _seconds(world)
    deploy(BODY, DeploymentConfig=EXPRESS)
    assert _seconds(world) < standard / 2
    done = [each.logical_id for each in world.stack("app").record.events if each.status == "CREATE_COMPLETE"]
    assert done == ["First", "Second", "app"]
    cfn.delete_stack(StackName="app", DeploymentConfig=EXPRESS)  # type: ignore[arg-type]  # a mode
    world.settle()
    assert _seconds(world) < slow / 2


@pytest.mark.parametrize(
    ("config", "execution", "status"),
    [
        (EXPRESS, {}, "CREATE_FAILED"),
        (EXPRESS | {"DisableRollback": False}, {}, "ROLLBACK_COMPLETE"),
        ({"DisableRollback": True}, {}, "CREATE_FAILED"),
        ({"Mode": "STANDARD"}, {}, "ROLLBACK_COMPLETE"),
        (EXPRESS, {"DisableRollback": False}, "ROLLBACK_COMPLETE"),
    ],
)
def test_express_disables_rollback_unless_told_otherwise(
    world: World,
    cfn: "CloudFormationClient",
    plan: "Deploy",
    *,
    config: dict[str, Any],
    execution: dict[str, Any],
    status: str,
) -> None:
    world.script.fails("CREATE", "Second", reason="no")
    cfn.execute_change_set(ChangeSetName=plan(BODY, DeploymentConfig=config), **execution)
    world.settle()
    assert world.stack("app").status == status


def test_only_express_leads_on_from_a_failed_express_stack(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.script.fails("CREATE", "Third", reason="no")
    assert deploy(MORE, name="second", DeploymentConfig=EXPRESS) == "UPDATE_FAILED"
    with pytest.raises(ClientError, match="RollbackStack is not supported for stacks that were last updated using"):
        cfn.rollback_stack(StackName="app")
    with pytest.raises(ClientError, match="ContinueUpdateRollback cannot be called from stack with UPDATE_FAILED"):
        cfn.continue_update_rollback(StackName="app")
    with pytest.raises(ClientError, match=r"must use the same DeploymentConfig \(mode=EXPRESS\)"):
        plan(BODY, name="third")
    assert deploy(BODY, name="fourth", DeploymentConfig=EXPRESS) == "UPDATE_COMPLETE"
    assert deploy(MORE, name="fifth") == "UPDATE_COMPLETE"


def test_a_failed_stack_is_updated_with_rollback_disabled_only(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    world.script.fails("CREATE", "Second", reason="no")
    cfn.execute_change_set(ChangeSetName=plan(BODY), DisableRollback=True)
    world.settle()
    arn = plan(BODY, name="second")
    with pytest.raises(ClientError, match=r"in a non-terminal \[CREATE_FAILED\] state"):
        cfn.execute_change_set(ChangeSetName=arn, DisableRollback=False)
    cfn.execute_change_set(ChangeSetName=arn, DisableRollback=True)
    world.settle()
    assert world.stack("app").status == "UPDATE_COMPLETE"


@pytest.mark.parametrize("cancelled", [True, False])
def test_what_was_never_stable_is_rolled_back_to_nothing(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", *, cancelled: bool
) -> None:
    world.script.fails("CREATE", "Second", reason="no", times=None)
    for name in ("first", "second"):
        cfn.execute_change_set(ChangeSetName=plan(MORE, name=name), DisableRollback=True)
        if cancelled and name == "second":
            world.pass_time(3)
            cfn.cancel_update_stack(StackName="app")
        world.settle()
    if not cancelled:
        assert world.stack("app").status == "UPDATE_FAILED"
        cfn.rollback_stack(StackName="app")
        world.settle()
    assert world.stack("app").status == "ROLLBACK_COMPLETE"
    assert world.names == set()


def test_a_replacement_is_refused_while_rollback_is_disabled(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    group = 'Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: "/x/one"}}}'
    deploy(group)
    cfn.execute_change_set(ChangeSetName=plan(group.replace("one", "two"), name="second"), DisableRollback=True)
    world.settle()
    assert world.stack("app").status == "UPDATE_FAILED"
    assert "Replacement type updates not supported on stack with disable-rollback." in [
        each.reason for each in world.stack("app").record.events
    ]
    cfn.rollback_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_COMPLETE"
