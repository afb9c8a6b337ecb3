"""Stack policies, and what a change set was asked for and shows again."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

TWO = TOPIC.replace("Outputs:", "  Other: {Type: AWS::SNS::Topic}\nOutputs:")
NAMED = TWO.replace("DisplayName:", "TopicName: first, DisplayName:")
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
ALARM = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


def _deny(action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", **more}


def test_a_stack_has_no_policy_until_one_is_set(cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy()
    assert "StackPolicyBody" not in cfn.get_stack_policy(StackName="app")
    cfn.set_stack_policy(StackName="app", StackPolicyBody=_policy(ALLOW))
    assert json.loads(cfn.get_stack_policy(StackName="app")["StackPolicyBody"]) == {"Statement": [ALLOW]}
    for body in ("no policy", _policy(ALLOW | {"Action": "Update:Rename"})):
        with pytest.raises(ClientError, match="Error validating stack policy"):
            cfn.set_stack_policy(StackName="app", StackPolicyBody=body)


@pytest.mark.parametrize(
    ("statement", "body", "why"),
    [
        (_deny("Update:Modify"), NAMED.replace("of $", "for $"), "[Update:Modify] for resource [LogicalResourceId/T"),
        (_deny("Update:Replace"), NAMED.replace("first", "second"), "[Update:Replace] for resource [Log"),
        (_deny("Update:Delete"), TOPIC.replace("DisplayName:", "TopicName: first, DisplayName:"), "[Update:Delete] fo"),
        (_deny("Update:*", Resource="LogicalResourceId/Topic"), NAMED.replace("of $", "for $"), "[Update:Modify]"),
        (
            _deny("Update:*", Condition={"StringLike": {"ResourceType": "AWS::SNS::*"}}),
            NAMED.replace("of $", "for $"),
            "[Update:Modify]",
        ),
    ],
)
def test_what_a_policy_denies_fails_when_it_is_executed_and_is_rolled_back(
    world: World, deploy: "Deploy", statement: dict[str, Any], body: str, why: str
) -> None:
    deploy(NAMED)
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    cfn.set_stack_policy(StackName="app", StackPolicyBody=_policy(ALLOW, statement))
    before = world.stack("app").record.resources["Topic"].properties
    assert deploy(body, "second") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [each.reason or "" for each in world.stack("app").record.events if each.status == "UPDATE_FAILED"]
    assert any(
        reason.startswith("Action denied by stack policy: Statement [#2]") and why in reason for reason in reasons
    )
    assert world.stack("app").record.resources["Topic"].properties == before
    cfn.set_stack_policy(StackName="app", StackPolicyBody=_policy(ALLOW))
    assert deploy(body, "third") == "UPDATE_COMPLETE"


def test_what_no_statement_allows_is_denied_and_what_is_about_others_is_not(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(NAMED)
    cfn.set_stack_policy(StackName="app", StackPolicyBody=_policy(ALLOW | {"Resource": "LogicalResourceId/Other"}))
    assert deploy(NAMED.replace("of $", "for $"), "second") == "UPDATE_ROLLBACK_COMPLETE"
    cfn.set_stack_policy(
        StackName="app",
        StackPolicyBody=_policy(
            ALLOW, _deny("Update:*", Condition={"StringEquals": {"ResourceType": "AWS::SQS::Queue"}})
        ),
    )
    assert deploy(NAMED.replace("of $", "for $"), "third") == "UPDATE_COMPLETE"
    cfn.set_stack_policy(StackName="app", StackPolicyBody=_policy(_deny("Update:*")))
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"  # a policy is about updates only


def test_a_change_set_shows_what_it_was_asked_for(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    options: dict[str, Any] = {
        "Parameters": [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "prod"}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "a", "Value": "b"}],
        "NotificationARNs": ["arn:aws:sns:us-east-1:111122223333:events"],
        "RollbackConfiguration": {
            "RollbackTriggers": [{"Arn": ALARM, "Type": "AWS::CloudWatch::Alarm"}],
            "MonitoringTimeInMinutes": 0,
        },
        "ImportExistingResources": True,
        "OnStackFailure": "DELETE",
    }
    shown = cfn.describe_change_set(ChangeSetName=plan(**options))
    assert {key: shown[key] for key in options} == options  # type: ignore[literal-required]  # its own keys
    assert shown["IncludeNestedStacks"] is False


def test_notifications_and_rollback_triggers_stay_until_others_are_sent(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    topic = "arn:aws:sns:us-east-1:111122223333:events"
    triggers: dict[str, Any] = {"RollbackTriggers": [{"Arn": ALARM, "Type": "AWS::CloudWatch::Alarm"}]}
    deploy(NotificationARNs=[topic], RollbackConfiguration=triggers)
    deploy(TOPIC.replace("of $", "for $"), "second")
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert (stack["NotificationARNs"], stack["RollbackConfiguration"]) == ([topic], triggers)
    shown = cfn.describe_change_set(
        ChangeSetName=plan(TOPIC.replace("of $", "for $"), "third", NotificationARNs=[topic])
    )
    assert shown["Status"] == "FAILED"  # the same again
    assert deploy(TOPIC.replace("of $", "for $"), "fourth", NotificationARNs=[]) == "UPDATE_COMPLETE"
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert (stack["NotificationARNs"], stack["RollbackConfiguration"]) == ([], triggers)
