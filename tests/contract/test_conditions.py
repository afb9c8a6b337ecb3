"""Templates that are one text for two regions, wherever they run."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.conftest import Plan
from contract.stand_ins import StandIn

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}
REGION = {"Ref": "AWS::Region"}


def _body(conditions: dict[str, Any], **resources: Any) -> str:
    return json.dumps({"Conditions": conditions, "Resources": {"Always": TOPIC, **resources}})


def _planned(aws: StandIn, body: str, region: str = "us-east-1") -> set[str]:
    cfn = aws.client("cloudformation", region)
    made = cfn.create_change_set(StackName="app", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=body)
    aws.settle()
    shown = cfn.describe_change_set(ChangeSetName=made["Id"])
    return {change["ResourceChange"]["LogicalResourceId"] for change in shown["Changes"]}


MAPPED = {"Role": {"us-east-1": {"Is": "primary"}, "us-west-2": {"Is": "secondary"}}}
PRIMARY = [
    pytest.param({"Fn::Equals": [REGION, "us-east-1"]}, id="Ref"),
    pytest.param({"Fn::Equals": ["us-east-1", {"Fn::Sub": "${AWS::Region}"}]}, id="Sub"),
    pytest.param({"Fn::Not": [{"Fn::Equals": [REGION, "us-west-2"]}]}, id="Not"),
    pytest.param({"Fn::Or": [{"Fn::Equals": [REGION, "eu-west-1"]}, {"Fn::Equals": [REGION, "us-east-1"]}]}, id="Or"),
    pytest.param(
        {"Fn::And": [{"Fn::Equals": [REGION, "us-east-1"]}, {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]}]},
        id="And",
    ),
    pytest.param({"Fn::Equals": [{"Fn::FindInMap": ["Role", REGION, "Is"]}, "primary"]}, id="FindInMap"),
    pytest.param({"Fn::Equals": [{"Fn::Select": ["1", {"Fn::Split": ["-", REGION]}]}, "east"]}, id="Select-Split"),
    pytest.param({"Fn::Equals": [{"Fn::Join": ["/", ["a", REGION]]}, "a/us-east-1"]}, id="Join"),
    pytest.param({"Condition": "Later"}, id="Condition"),
]


@pytest.mark.parametrize("condition", PRIMARY)
def test_a_condition_may_be_on_the_region(aws: StandIn, condition: dict[str, Any]) -> None:
    later = {"Fn::Equals": [REGION, "us-east-1"]}
    template = json.loads(_body({"Primary": condition, "Later": later}, Only={**TOPIC, "Condition": "Primary"}))
    body = json.dumps({**template, "Mappings": MAPPED})
    assert _planned(aws, body) == {"Always", "Only"}
    assert _planned(aws, body, "us-west-2") == {"Always"}


def test_a_condition_may_be_on_account_and_stack(aws: StandIn) -> None:
    mine = {"Fn::Equals": [{"Ref": "AWS::AccountId"}, aws.account]}
    named = {"Fn::Equals": [{"Ref": "AWS::StackName"}, "app"]}
    other = {"Fn::Equals": [{"Ref": "AWS::StackName"}, "other"]}
    conditional = {name: {**TOPIC, "Condition": name} for name in ("Mine", "Named", "Other")}
    assert _planned(aws, _body({"Mine": mine, "Named": named, "Other": other}, **conditional)) == {
        "Always",
        "Mine",
        "Named",
    }


def test_a_condition_decides_what_is_deployed_and_what_comes_out(aws: StandIn) -> None:
    template = {
        "Mappings": MAPPED,
        "Conditions": {"Primary": {"Fn::Equals": [REGION, "us-east-1"]}},
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {
                    "TopicName": {"Fn::Sub": ["contract-${Is}", {"Is": {"Fn::FindInMap": ["Role", REGION, "Is"]}}]},
                    "DisplayName": {"Fn::If": ["Primary", "one", {"Ref": "AWS::NoValue"}]},
                },
            },
            "Only": {**TOPIC, "Condition": "Primary"},
        },
        "Outputs": {
            "Arn": {"Value": {"Ref": "Topic"}},
            "Only": {"Condition": "Primary", "Value": {"Ref": "Only"}},
        },
    }
    for region, role, outputs in (("us-east-1", "primary", {"Arn", "Only"}), ("us-west-2", "secondary", {"Arn"})):
        client = aws.client("cloudformation", region)
        made = client.create_change_set(
            StackName="app", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=json.dumps(template)
        )
        aws.settle()
        client.execute_change_set(ChangeSetName=made["Id"])
        aws.settle()
        stack = client.describe_stacks(StackName="app")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        values = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        assert set(values) == outputs
        assert values["Arn"].endswith(f":contract-{role}")


def test_a_condition_that_turns_adds_and_removes(cfn: Any, plan: Plan, deploy: Plan) -> None:
    template = {
        "Parameters": {"On": {"Type": "String"}},
        "Conditions": {"On": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {"Always": TOPIC, "Only": {**TOPIC, "Condition": "On"}},
    }

    def given(value: str) -> list[dict[str, str]]:
        return [{"ParameterKey": "On", "ParameterValue": value}]

    def actions(name: str, value: str) -> dict[str, str]:
        shown = cfn.describe_change_set(
            ChangeSetName=plan(json.dumps(template), name, "UPDATE", Parameters=given(value))
        )
        return {
            change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]["Action"]
            for change in shown["Changes"]
        }

    deploy(json.dumps(template), Parameters=given("no"))
    assert actions("second", "yes") == {"Only": "Add"}
    deploy(json.dumps(template), "third", "UPDATE", Parameters=given("yes"))
    assert actions("fourth", "no") == {"Only": "Remove"}


FIND = {"Fn::FindInMap": ["Role", REGION, "Is"]}
LOOKUP = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": FIND}}


@pytest.mark.parametrize(
    "template",
    [
        {"Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Nobody"}}}}},
        {"Resources": {"A": TOPIC}, "Outputs": {"O": {"Value": {"Fn::Sub": "${Nobody.Arn}"}}}},
    ],
    ids=["resource", "output"],
)
def test_a_reference_to_nothing_is_refused(cfn: Any, plan: Plan, template: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="Nobody") as refused:
        plan(json.dumps(template))
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert cfn.describe_stacks()["Stacks"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "refusal"),
    [
        ({"Resources": {"A": {**TOPIC, "Condition": "Never"}}}, "Never"),
        (
            {"Conditions": {"A": {"Fn::And": [{"Condition": "Never"}, {"Condition": "A"}]}}, "Resources": {"A": TOPIC}},
            "Never",
        ),
        (
            {"Mappings": {"Role": {"eu-west-1": {"Is": "x"}}}, "Resources": {"A": LOOKUP}},
            "Role::us-east-1::Is",
        ),
    ],
    ids=["condition", "in a condition", "mapping"],
)
def test_a_condition_and_a_key_that_are_not_there_are_refused(
    cfn: Any, plan: Plan, template: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal) as refused:
        plan(json.dumps(template))
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert cfn.describe_stacks()["Stacks"] == []


def test_a_key_is_looked_for_only_where_it_is_needed(aws: StandIn) -> None:
    template = {
        "Mappings": {"Role": {"eu-west-1": {"Is": "x"}}},
        "Conditions": {"There": {"Fn::Equals": [REGION, "eu-west-1"]}},
        "Resources": {
            "Always": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"DisplayName": {"Fn::If": ["There", FIND, "y"]}},
            },
            "Only": {**LOOKUP, "Condition": "There"},
        },
    }
    assert _planned(aws, json.dumps(template)) == {"Always"}
