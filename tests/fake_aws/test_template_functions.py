"""Templates come to what CloudFormation makes of them, and what is wrong with them is said in its words."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import Unsupported, World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters:
  Stage: {Type: String, Default: prod, AllowedValues: [dev, prod], MinLength: 2, MaxLength: 5, AllowedPattern: "[a-z]+"}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 10}
  Zones: {Type: CommaDelimitedList, Default: "a,b,c"}
  Secret: {Type: String, Default: hush, NoEcho: true}
Mappings: {Size: {prod: {Memory: 512}, dev: {Memory: 128}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsBig: !And [!Condition IsProd, !Not [!Equals [!Ref Count, "1"]]]
  IsAny: !Or [!Equals [!Ref Stage, none], !Condition IsBig]
  IsDev: !Not [!Condition IsProd]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !If [IsDev, for trials, !Ref AWS::NoValue]
  Extra: {Type: AWS::SNS::Topic, Condition: IsDev}
Outputs:
  Joined: {Value: !Join ["-", [!Ref Stage, !Ref Count, !Select [1, !Ref Zones]]], Description: three in one}
  Split: {Value: !Select ["0", !Split ["/", "x/y"]]}
  Mapped: {Value: !FindInMap [Size, !Ref Stage, Memory]}
  Chosen: {Value: !If [IsAny, "yes", "no"], Export: {Name: !Sub "${AWS::StackName}-chosen"}}
  Sub: {Value: !Sub ["${Stage} ${!Literal} ${Topic.TopicName} ${Own} ${AWS::Region}", {Own: !Ref AWS::AccountId}]}
  Encoded: {Value: !Base64 text}
  Partition: {Value: !Sub "${AWS::Partition}.${AWS::URLSuffix}"}
  OnlyInDev: {Condition: IsDev, Value: !Ref Extra}
"""


def test_every_function_comes_to_its_value(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    assert deploy(BODY) == "CREATE_COMPLETE"
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    topic = str(world.stack("app").record.resources["Topic"].physical_id).rpartition(":")[2]
    assert outputs == {
        "Joined": "prod-3-b",
        "Split": "x",
        "Mapped": "512",
        "Chosen": "yes",
        "Sub": f"prod ${{Literal}} {topic} 111122223333 us-east-1",
        "Encoded": "dGV4dA==",
        "Partition": "aws.amazonaws.com",
    }
    assert {each.get("ExportName") for each in stack["Outputs"]} == {None, "app-chosen"}
    assert world.stack("app").record.resources["Topic"].properties == {}
    shown = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (shown["Secret"], shown["Zones"]) == ("****", "a,b,c")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("Stage", "test", "must be one of AllowedValues"),
        ("Count", "three", "must be a number"),
        ("Count", "0", "must be a number not less than 1"),
        ("Count", "11", "must be a number not greater than 10"),
        ("Secret", "x" * 4097, "at most 4096 bytes"),
    ],
)
def test_a_parameter_must_be_what_its_declaration_says(plan: "Deploy", key: str, value: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        plan(BODY, Parameters=[{"ParameterKey": key, "ParameterValue": value}])


@pytest.mark.parametrize(
    ("value", "reason"),
    [("x", "at least 2 characters"), ("abcdef", "at most 5 characters"), ("AB", r"must match pattern \[a-z\]\+")],
)
def test_a_parameter_keeps_to_its_length_and_pattern(plan: "Deploy", value: str, reason: str) -> None:
    body = BODY.replace("AllowedValues: [dev, prod], ", "")
    with pytest.raises(ClientError, match=reason):
        plan(body, Parameters=[{"ParameterKey": "Stage", "ParameterValue": value}])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("Resources: {A: {Type: AWS::SNS::Topic", "YAML not well-formed"),
        ("Resources: {A: {Type: AWS::SNS::Topic}}\nOther: {}", r"Invalid template property or properties \[Other\]"),
        ("Resources: {A-B: {Type: AWS::SNS::Topic}}", "Resource name A-B is non alphanumeric"),
        ("Resources: {A: {Properties: {}}}", "must contain a Type member"),
        (
            "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, B: {Type: AWS::SNS::Topic, DependsOn: A}}",
            r"Circular dependency between resources: \[A, B\]",
        ),
    ],
)
def test_a_template_of_bad_form_is_refused(plan: "Deploy", body: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        plan(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("Transform: AWS::LanguageExtensions\nResources: {A: {Type: AWS::SNS::Topic}}", "Transform"),
        ("Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: Snapshot}}", "DeletionPolicy Snapshot"),
        ("Resources: {A: {Type: AWS::SNS::Topic, CreationPolicy: {}}}", "CreationPolicy"),
        (
            "Parameters: {P: {Type: AWS::EC2::Image::Id}}\nResources: {A: {Type: AWS::SNS::Topic}}",
            "parameter P",
        ),
        ("Parameters: {P: {Type: String, Other: 1}}\nResources: {A: {Type: AWS::SNS::Topic}}", "Other"),
    ],
)
def test_what_is_not_known_of_a_template_is_loud(plan: "Deploy", body: str, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        plan(body, Parameters=[])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("!FindInMap [Size, test, Memory]", "Unable to get mapping for Size::test::Memory"),
        ("!If [Never, a, b]", "Unresolved condition dependency Never"),
    ],
)
def test_what_a_template_lacks_fails_its_change_set(
    cfn: "CloudFormationClient", plan: "Deploy", value: str, reason: str
) -> None:
    shown = cfn.describe_change_set(
        ChangeSetName=plan(BODY.replace("!If [IsDev, for trials, !Ref AWS::NoValue]", value))
    )
    assert (shown["Status"], reason in shown["StatusReason"]) == ("FAILED", True)


def test_duplicate_tags_and_two_templates_at_once_are_refused(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    with pytest.raises(ClientError, match="Duplicate tag keys"):
        plan(BODY, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    with pytest.raises(ClientError, match="Either Template URL or Template Body"):
        plan(BODY, UsePreviousTemplate=True)
    with pytest.raises(ClientError, match="not valid for a new stack"):
        cfn.create_change_set(StackName="x", ChangeSetName="x", ChangeSetType="CREATE", UsePreviousTemplate=True)
