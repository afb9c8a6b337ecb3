"""What CloudFormation shows of what it was sent, and what it hides, wherever it runs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.conftest import Plan
from contract.stand_ins import StandIn
from fake_aws.conftest import TOPIC

ODD = """
# Störung 🚀
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: contract-odd, DisplayName: "Störung 🚀"}}
Outputs:
  Said: {Value: "Störung 🚀"}
"""
PASSWORD = """
Parameters:
  Password: {Type: String, NoEcho: true}
  Plain: {Type: String, Default: seen}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${Password}${Plain}"}}
"""
FETCHED = """
Parameters:
  Name: {Type: "AWS::SSM::Parameter::Value<String>", Default: /contract/name}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
"""


def _parameters(shown: Any) -> dict[str, tuple[str, str | None]]:
    return {
        parameter["ParameterKey"]: (parameter["ParameterValue"], parameter.get("ResolvedValue"))
        for parameter in shown["Parameters"]
    }


def test_text_that_is_not_ascii_has_question_marks_but_arrives_as_it_is(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    deploy(ODD)
    for stage in ("Original", "Processed"):
        assert cfn.get_template(StackName="app", TemplateStage=stage)["TemplateBody"] == (
            ODD.replace("ö", "?").replace("🚀", "?")
        )
    outputs = cfn.describe_stacks(StackName="app")["Stacks"][0]["Outputs"]
    assert outputs[0]["OutputValue"] == "St?rung ?"


def test_the_same_text_again_is_no_change_though_it_is_masked(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy(ODD)
    assert cfn.describe_change_set(ChangeSetName=plan(ODD, "second", "UPDATE"))["Status"] == "FAILED"
    other = cfn.describe_change_set(ChangeSetName=plan(ODD.replace("ö", "ü"), "third", "UPDATE"))
    assert other["Status"] == "CREATE_COMPLETE"


def test_a_parameter_that_is_not_to_be_echoed_is_not(cfn: Any, plan: Plan, deploy: Plan) -> None:
    given = [{"ParameterKey": "Password", "ParameterValue": "open-sesame"}]
    deploy(PASSWORD, Parameters=given)
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert _parameters(stack) == {"Password": ("****", None), "Plain": ("seen", None)}
    given[0]["ParameterValue"] = "other"
    arn = plan(PASSWORD.replace("seen", "new"), "second", "UPDATE", Parameters=given)
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert _parameters(shown) == {"Password": ("****", None), "Plain": ("new", None)}


def test_a_parameter_of_systems_manager_shows_its_name_and_what_was_read(
    aws: StandIn, cfn: Any, plan: Plan, deploy: Plan
) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/contract/name", Value="ami-2", Type="String")
    deploy(FETCHED)
    assert _parameters(cfn.describe_stacks(StackName="app")["Stacks"][0]) == {"Name": ("/contract/name", "ami-2")}
    ssm.put_parameter(Name="/contract/name", Value="ami-3", Type="String", Overwrite=True)
    shown = cfn.describe_change_set(ChangeSetName=plan(FETCHED, "second", "UPDATE"))
    assert _parameters(shown) == {"Name": ("/contract/name", "ami-3")}
    assert [change["ResourceChange"]["Action"] for change in shown["Changes"]] == ["Modify"]


def test_a_parameter_that_systems_manager_does_not_know_is_refused(plan: Plan) -> None:
    text = r"Unable to fetch parameters \[/contract/none\] from parameter store for this account\."
    with pytest.raises(ClientError, match=text) as refused:
        plan(FETCHED.replace("/contract/name", "/contract/none"))
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_what_was_sent_with_a_change_set_is_shown_again(cfn: Any, plan: Plan) -> None:
    triggers = [{"Arn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a", "Type": "AWS::CloudWatch::Alarm"}]
    sent = {
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "team", "Value": "blue"}],
        "NotificationARNs": ["arn:aws:sns:us-east-1:111122223333:told"],
        "RollbackConfiguration": {"MonitoringTimeInMinutes": 5, "RollbackTriggers": triggers},
        "ImportExistingResources": True,
    }
    shown = cfn.describe_change_set(ChangeSetName=plan(**sent))
    assert {name: shown[name] for name in sent} == sent
    assert shown["IncludeNestedStacks"] is False


def test_a_stack_keeps_the_notifications_that_an_update_leaves_out(cfn: Any, plan: Plan, deploy: Plan) -> None:
    arns = ["arn:aws:sns:us-east-1:111122223333:told"]
    triggers = [{"Arn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a", "Type": "AWS::CloudWatch::Alarm"}]
    deploy(NotificationARNs=arns, RollbackConfiguration={"RollbackTriggers": triggers})
    deploy(TOPIC.replace("of ", "for "), "second", "UPDATE")
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert (stack["NotificationARNs"], stack["RollbackConfiguration"]["RollbackTriggers"]) == (arns, triggers)
    given = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}]
    same = TOPIC.replace("of ", "for ")
    arn = plan(same, "third", "UPDATE", NotificationARNs=[], Parameters=given)
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert (shown["Status"], shown["Changes"], shown["NotificationARNs"]) == ("CREATE_COMPLETE", [], [])
    deploy(same, "fourth", "UPDATE", NotificationARNs=[], Parameters=given)
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["NotificationARNs"] == []


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_what_becomes_of_what_goes_is_said(cfn: Any, plan: Plan, deploy: Plan, policy: str) -> None:
    group = (
        f"  Group: {{Type: AWS::Logs::LogGroup, DeletionPolicy: {policy}, UpdateReplacePolicy: {policy}, "
        "Properties: {LogGroupName: /contract/policy}}\n"
    )
    before = TOPIC.replace("Outputs:", f"{group}Outputs:")
    deploy(before)
    for name, body, action in (
        ("second", TOPIC, policy),
        ("third", before.replace("/policy", "/other"), f"ReplaceAnd{policy}"),
    ):
        shown = cfn.describe_change_set(ChangeSetName=plan(body, name, "UPDATE"))
        assert [change["ResourceChange"]["PolicyAction"] for change in shown["Changes"]] == [action]
