"""What stacks take from each other and from their region: SSM parameters, ids, exports."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

AMI = """
Parameters:
  Ami: {Type: "AWS::SSM::Parameter::Value<String>", Default: /app/ami}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Ami}}
"""
STORE = "Resources:\n  Ami: {Type: AWS::SSM::Parameter, Properties: {Name: /app/ami, Type: String, Value: ami-1}}\n"
KEY = "Resources:\n  Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: door}}\n"
DOOR = """
Parameters:
  Door: {Type: AWS::EC2::KeyPair::KeyName, Default: door}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Door}}
"""
EXPORTER = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}
Outputs:
  Arn: {Value: !Ref Topic, Export: {Name: !Sub "${AWS::Region}-topic"}}
  Name: {Value: !GetAtt Topic.TopicName, Export: {Name: name}}
  Two: {Value: two, Export: {Name: two}}
"""
IMPORTER = """
Resources:
  Other: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue us-east-1-topic}}
"""


def test_a_parameter_kept_in_ssm_is_fetched_when_the_change_set_is_made(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    with pytest.raises(ClientError, match=r"Unable to fetch parameters \[/app/ami\] from parameter store"):
        plan(AMI)
    deploy(STORE, stack="store")
    assert deploy(AMI) == "CREATE_COMPLETE"
    deploy(STORE.replace("ami-1", "ami-2"), "second", "store")
    made = plan(AMI, "second")
    deploy(STORE.replace("ami-1", "ami-3"), "third", "store")
    shown = cfn.describe_change_set(ChangeSetName=made, IncludePropertyValues=True)
    (parameter,) = shown["Parameters"]
    assert parameter == {"ParameterKey": "Ami", "ParameterValue": "/app/ami", "ResolvedValue": "ami-2"}
    (detail,) = shown["Changes"][0]["ResourceChange"]["Details"]
    assert (detail["Evaluation"], detail["ChangeSource"]) == ("Static", "DirectModification")
    assert (detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"]) == ("ami-1", "ami-2")
    cfn.execute_change_set(ChangeSetName=made)
    world.settle()
    (stack,) = cfn.describe_stacks(StackName="app")["Stacks"]
    assert stack["Parameters"] == [{"ParameterKey": "Ami", "ParameterValue": "/app/ami", "ResolvedValue": "ami-2"}]
    assert world.stack("app").record.resources["Topic"].properties["DisplayName"] == "ami-2"


def test_without_another_value_there_is_no_change(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(STORE, stack="store")
    deploy(AMI)
    assert cfn.describe_change_set(ChangeSetName=plan(AMI, "second"))["Status"] == "FAILED"


def test_a_name_that_nothing_has_is_refused_at_once(world: World, plan: "Deploy", deploy: "Deploy") -> None:
    reason = "parameter value door for parameter name Door does not exist"
    with pytest.raises(ClientError, match=reason):
        plan(DOOR)
    deploy(KEY, stack="keys")
    assert deploy(DOOR) == "CREATE_COMPLETE"
    assert world.stack("app").record.resources["Topic"].properties["DisplayName"] == "door"


def test_a_missing_export_makes_a_change_set_with_a_warning_and_a_creation_that_fails(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    made = plan(IMPORTER)
    shown = cfn.describe_change_set(ChangeSetName=made, IncludePropertyValues=True)
    assert (shown["Status"], shown["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert shown["StatusReason"] == (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation"
        " failed for resource [Other] because: No export named us-east-1-topic"
    )
    assert "{{changeSet:KNOWN_AFTER_APPLY}}" in shown["Changes"][0]["ResourceChange"]["AfterContext"]
    assert "StatusReason" not in cfn.describe_change_set(ChangeSetName=made)
    cfn.execute_change_set(ChangeSetName=made)
    world.settle()
    assert world.stack("app").status == "ROLLBACK_COMPLETE"
    assert any("No export named us-east-1-topic found" in str(each.reason) for each in world.stack("app").record.events)


def test_an_export_made_in_between_is_what_the_execution_takes(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    made = plan(IMPORTER)
    deploy(EXPORTER, stack="base")
    cfn.execute_change_set(ChangeSetName=made)
    world.settle()
    arn = "arn:aws:sns:us-east-1:111122223333:first"
    assert world.stack("app").record.resources["Other"].properties["DisplayName"] == arn


def test_exports_and_who_imports_them_are_listed(cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy(EXPORTER, stack="base")
    for number in range(3):
        deploy(IMPORTER, stack=f"app{number}")
    pages = list(cfn.get_paginator("list_exports").paginate())
    assert [each["Name"] for page in pages for each in page["Exports"]] == ["name", "two", "us-east-1-topic"]
    users = list(cfn.get_paginator("list_imports").paginate(ExportName="us-east-1-topic"))
    assert [each for page in users for each in page["Imports"]] == ["app0", "app1", "app2"]
    assert (len(pages), len(users)) == (2, 2)
    with pytest.raises(ClientError, match="Export 'two' is not imported by any stack"):
        cfn.list_imports(ExportName="two")


@pytest.mark.parametrize(
    ("body", "done"),
    [
        (EXPORTER.replace("first", "second"), "updated"),
        (EXPORTER.replace("-topic", "-other"), "deleted"),
    ],
)
def test_an_export_in_use_neither_changes_nor_goes(world: World, deploy: "Deploy", body: str, done: str) -> None:
    deploy(EXPORTER, stack="base")
    deploy(IMPORTER)
    assert deploy(body, "second", "base") == "UPDATE_ROLLBACK_COMPLETE"
    reason = f"Export us-east-1-topic cannot be {done} as it is in use by app"
    assert any(each.reason == reason for each in world.stack("base").record.events)
    assert deploy(EXPORTER.replace("Value: two", "Value: three"), "third", "base") == "UPDATE_COMPLETE"


def test_a_stack_whose_export_is_in_use_is_not_deleted(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(EXPORTER, stack="base")
    deploy(IMPORTER)
    cfn.delete_stack(StackName="base")
    world.settle()
    assert world.stack("base").status == "DELETE_FAILED"
    for name in ("app", "base"):
        cfn.delete_stack(StackName=name)
        world.settle()
    assert cfn.describe_stacks()["Stacks"] == []


def test_two_stacks_cannot_export_one_name(world: World, deploy: "Deploy") -> None:
    deploy(EXPORTER, stack="base")
    assert deploy(EXPORTER.replace("first", "second"), stack="copy") == "ROLLBACK_COMPLETE"
    reason = "Export with name name is already exported by stack base."
    assert any(reason in str(each.reason) for each in world.stack("copy").record.events)
