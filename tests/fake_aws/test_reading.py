"""Reading in small pages, by name and by id, and what early validation has to say."""

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fake_aws import Finding, Unsupported, World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

FIVE = "Resources:\n" + "".join(f"  T{number}: {{Type: AWS::SNS::Topic}}\n" for number in range(5))


def test_every_list_comes_in_small_pages(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    arn = plan(FIVE)
    for number in range(4):
        plan(FIVE, name=f"more{number}")
        plan(FIVE, stack=f"other{number}")
    sizes = {}
    for operation, key, params in (
        ("describe_change_set", "Changes", {"ChangeSetName": arn}),
        ("list_change_sets", "Summaries", {"StackName": "app"}),
        ("describe_stacks", "Stacks", {}),
        ("list_stacks", "StackSummaries", {}),
        ("describe_events", "OperationEvents", {"StackName": "app"}),
    ):
        pages = list(cfn.get_paginator(operation).paginate(**params))  # type: ignore[call-overload]  # by name
        sizes[operation] = [len(page[key]) for page in pages]
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    for operation, key in (
        ("list_stack_resources", "StackResourceSummaries"),
        ("describe_stack_events", "StackEvents"),
    ):
        pages = list(cfn.get_paginator(operation).paginate(StackName="app"))  # type: ignore[call-overload]
        sizes[operation] = [len(page[key]) for page in pages]
    assert {operation: set(each[:-1]) for operation, each in sizes.items()} == {operation: {2} for operation in sizes}
    assert {operation: sum(each) for operation, each in sizes.items() if operation != "describe_stack_events"} == {
        "describe_change_set": 5,
        "list_change_sets": 5,
        "describe_stacks": 5,
        "list_stacks": 5,
        "describe_events": 6,
        "list_stack_resources": 5,
    }
    with pytest.raises(ClientError, match="NextToken"):
        cfn.describe_stacks(NextToken="made-up")


def test_a_page_of_events_keeps_its_place_while_new_ones_arrive(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    cfn.execute_change_set(ChangeSetName=plan(FIVE))
    world.pass_time(2)
    first = cfn.describe_stack_events(StackName="app")
    world.settle()
    second = cfn.describe_stack_events(StackName="app", NextToken=first["NextToken"])
    seen = [each["EventId"] for each in [*first["StackEvents"], *second["StackEvents"]]]
    assert len(seen) == len(set(seen)) == 4


def test_no_stack_is_missed_while_others_go(world: World, cfn: "CloudFormationClient") -> None:
    for name in "abcde":
        world.stack(name).put("CREATE_COMPLETE")
    first = cfn.describe_stacks()
    world.stack("e").put("DELETE_COMPLETE")
    second = cfn.describe_stacks(NextToken=first["NextToken"])
    third = cfn.describe_stacks(NextToken=second["NextToken"])
    seen = [each["StackName"] for page in (first, second, third) for each in page["Stacks"]]
    assert seen == ["e", "d", "c", "b", "a"]


def test_stacks_can_be_listed_by_status_deleted_ones_too(world: World, cfn: "CloudFormationClient") -> None:
    for name, status in (("a", "CREATE_COMPLETE"), ("b", "DELETE_COMPLETE"), ("c", "UPDATE_FAILED")):
        world.stack(name).put(status)
    listed = cfn.list_stacks(StackStatusFilter=["DELETE_COMPLETE", "UPDATE_FAILED"])["StackSummaries"]
    assert [each["StackName"] for each in listed] == ["c", "b"]
    assert [each["StackName"] for each in cfn.describe_stacks()["Stacks"]] == ["c", "a"]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("describe_stacks", "Stack with id none does not exist"),
        ("get_template", "Stack with id none does not exist"),
        ("list_stack_resources", "Stack with id none does not exist"),
        ("describe_stack_resources", "Stack with id none does not exist"),
        ("describe_stack_events", r"Stack \[none\] does not exist"),
        ("list_change_sets", r"Stack \[none\] does not exist"),
        ("rollback_stack", r"Stack \[none\] does not exist"),
    ],
)
def test_a_missing_stack_is_refused_in_each_operations_words(
    cfn: "CloudFormationClient", operation: str, reason: str
) -> None:
    with pytest.raises(ClientError, match=reason) as refused:
        getattr(cfn, operation)(StackName="none")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


KEPT = """
Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: kept}}
  Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: kept, PolicyDocument: {Statement: []}}}
  Topic: {Type: AWS::SNS::Topic}
"""


def test_a_physical_id_finds_the_stack_of_the_region_that_has_it_now(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(KEPT, stack="owner")
    resources = cfn.describe_stack_resources(PhysicalResourceId="kept")["StackResources"]
    assert [(each["StackName"], each["LogicalResourceId"]) for each in resources] == [
        ("owner", "Bucket"),
        ("owner", "Policy"),
        ("owner", "Topic"),
    ]
    world.quirks.a_physical_id_shows_one_row = True
    (row,) = cfn.describe_stack_resources(PhysicalResourceId="kept")["StackResources"]
    assert row["LogicalResourceId"] == "Policy"
    west = world.session().client("cloudformation", region_name="us-west-2")
    deploy("Resources: {Topic: {Type: AWS::SNS::Topic}}", name="second", stack="owner")
    for client in (west, cfn):
        with pytest.raises(ClientError, match="Stack for kept does not exist") as refused:
            client.describe_stack_resources(PhysicalResourceId="kept")
        assert refused.value.response["Error"]["Code"] == "ValidationError"
    cfn.delete_stack(StackName="owner")
    world.settle()
    deploy(KEPT.replace("DeletionPolicy: Retain, ", "").replace("kept", "mine"), name="third", stack="other")
    world.quirks.a_physical_id_finds_deleted_stacks = True
    with pytest.raises(ClientError, match="Stack for kept does not exist"):
        cfn.describe_stack_resources(PhysicalResourceId="kept")  # it left the stack before that was deleted
    cfn.delete_stack(StackName="other")
    world.settle()
    assert cfn.describe_stack_resources(PhysicalResourceId="mine")["StackResources"]
    with pytest.raises(ClientError, match="not both"):
        cfn.describe_stack_resources(StackName="owner", PhysicalResourceId="kept")


def test_a_template_s_summary_says_by_what_its_resources_are_imported(cfn: "CloudFormationClient") -> None:
    body = KEPT + "  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}\n"
    shown = cfn.get_template_summary(TemplateBody=body)["ResourceIdentifierSummaries"]
    assert [(each["ResourceType"], each["LogicalResourceIds"], each["ResourceIdentifiers"]) for each in shown] == [
        ("AWS::S3::Bucket", ["Bucket"], ["BucketName"]),
        ("AWS::S3::BucketPolicy", ["Policy"], ["Bucket"]),
        ("AWS::SNS::Topic", ["Topic"], ["TopicArn"]),
    ]


def test_events_of_a_change_set_that_is_not_there_are_refused(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    arn = plan()
    cfn.delete_change_set(ChangeSetName=arn)
    with pytest.raises(ClientError, match="does not exist") as refused:
        cfn.describe_events(ChangeSetName=arn)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_early_validation_names_property_and_path(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    arn = plan(TOPIC.replace("DisplayName", "Nickname"))
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert shown["Status"] == "FAILED"
    assert "[AWS::EarlyValidation::PropertyValidation]" in shown["StatusReason"]
    events = cfn.describe_events(ChangeSetName=arn, Filters={"FailedEvents": True})["OperationEvents"]
    assert [(each["EventType"], each.get("ValidationFailureMode"), each.get("ValidationPath")) for each in events] == [
        ("VALIDATION_ERROR", "FAIL", "/Resources/Topic/Properties/Nickname"),
        ("STACK_EVENT", None, None),
    ]


def test_a_name_that_is_taken_is_found_early(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    bucket = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: taken}}}"
    world.stack("owner").deploy(bucket)
    arn = plan(bucket)
    assert "ResourceExistenceCheck" in cfn.describe_change_set(ChangeSetName=arn)["StatusReason"]
    reason = cfn.describe_events(ChangeSetName=arn)["OperationEvents"][0]["ValidationStatusReason"]
    assert reason == "Resource of type 'AWS::S3::Bucket' with identifier 'taken' already exists."


def test_a_warning_leaves_the_change_set_usable(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    hook = "AWS::EarlyValidation::ResourceExistenceCheck"
    finding = Finding("QUOTA", hook, "WARN", "/Resources/Topic", "close to the limit", "Topic", "AWS::SNS::Topic")
    world.script.finds(finding, stack="app")
    assert deploy() == "CREATE_COMPLETE"
    events = cfn.describe_events(ChangeSetName="first", StackName="app")["OperationEvents"]
    assert [each.get("ValidationStatusReason") for each in events] == ["close to the limit", None]


def test_removing_a_filled_bucket_warns(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy("Resources: {T: {Type: AWS::SNS::Topic}, B: {Type: AWS::S3::Bucket, Properties: {BucketName: filled}}}")
    world.session().client("s3", region_name="us-east-1").put_object(Bucket="filled", Key="k", Body=b"")
    arn = plan("Resources: {T: {Type: AWS::SNS::Topic}}", name="second")
    assert cfn.describe_change_set(ChangeSetName=arn)["Status"] == "CREATE_COMPLETE"
    assert (
        cfn.describe_events(ChangeSetName=arn)["OperationEvents"][0]["ValidationName"] == "BUCKET_EMPTINESS_VALIDATION"
    )


def test_an_assumed_role_signs_for_its_account(world: World) -> None:
    sts = world.session().client("sts", region_name="us-west-2")
    assert sts.get_caller_identity()["Account"] == "111122223333"
    assumed = sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/deployer", RoleSessionName="me")
    key = assumed["Credentials"]["AccessKeyId"]
    assert world.identity(key).arn == "arn:aws:sts::444455556666:assumed-role/deployer/me"
    world.forbidden_roles.add("arn:aws:iam::444455556666:role/deployer")
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/deployer", RoleSessionName="me")


def test_adaptive_retries_are_refused(world: World) -> None:
    config = Config(retries={"mode": "adaptive"})
    with pytest.raises(Unsupported, match="adaptive"):
        world.session().client("sts", region_name="us-east-1", config=config).get_caller_identity()


def test_a_custom_endpoint_still_reaches_the_world(world: World) -> None:
    client = world.session().client("cloudformation", region_name="eu-west-1", endpoint_url="http://127.0.0.1:4566")
    assert client.describe_stacks()["Stacks"] == []
    assert world.calls[0].region == "eu-west-1"


FOREIGN = """
Parameters:
  Name: {Type: String, Default: "Größe", NoEcho: true}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: "Störung 🚒"}}
Outputs:
  Said: {Value: !Sub "é of ${Topic.TopicName}", Description: "für 🚒"}
"""


def test_templates_and_outputs_come_back_with_a_question_mark_for_each_other_character(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy", plan: "Deploy"
) -> None:
    masked = FOREIGN.replace("Größe", "Gr??e").replace("Störung 🚒", "St?rung ?").replace("é of", "? of")
    masked = masked.replace("für 🚒", "f?r ?")
    arn = plan(FOREIGN)
    assert str(cfn.get_template(ChangeSetName=arn, TemplateStage="Original")["TemplateBody"]) == masked
    assert str(cfn.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]) == ""  # in review
    assert deploy(FOREIGN, "second") == "CREATE_COMPLETE"
    assert str(cfn.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]) == masked
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    topic = world.stack("app").record.resources["Topic"]
    assert stack["Outputs"] == [
        {"OutputKey": "Said", "OutputValue": f"? of {topic.attributes['TopicName']}", "Description": "f?r ?"}
    ]
    assert topic.properties == {"DisplayName": "Störung 🚒"}
    assert [each["ParameterValue"] for each in stack["Parameters"]] == ["****"]
    shown = cfn.describe_change_set(StackName="app", ChangeSetName="second")
    assert [each["ParameterValue"] for each in shown["Parameters"]] == ["****"]
