"""What the deployer relies on of stacks in stacks, wherever it runs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.conftest import Plan
from contract.stand_ins import StandIn

STACK = "AWS::CloudFormation::Stack"
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}
TABLE = {
    "Orders": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        },
    }
}
BROKEN = {
    "Bucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "VersioningConfiguration": {"Status": "Enabled"},
            "ReplicationConfiguration": {
                "Role": "arn:aws:iam::111122223333:role/replication",
                "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::contract-of-no-bucket"}}],
            },
        },
    }
}

Put = Callable[..., str]


@pytest.fixture
def put(aws: StandIn) -> Put:
    """Store a template in a bucket; returns its URL."""
    s3 = aws.client("s3")
    bucket = f"contract-nested-{aws.account}"
    s3.create_bucket(Bucket=bucket)

    def store(key: str, resources: dict[str, Any], **sections: Any) -> str:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"Resources": resources, **sections}).encode())
        return f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}"

    return store


def nest(url: str, **properties: Any) -> dict[str, Any]:
    """A child, as a resource."""
    return {"Type": STACK, "Properties": {"TemplateURL": url, **properties}}


def body(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def rows(shown: dict[str, Any]) -> dict[str, Any]:
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in shown["Changes"]}


def child_of(cfn: Any, logical_id: str, stack: str = "app") -> dict[str, Any]:
    """Describe a child that is deployed."""
    answer = cfn.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    number = answer["StackResourceDetail"]["PhysicalResourceId"]
    return dict(cfn.describe_stacks(StackName=number)["Stacks"][0])


def every(cfn: Any, operation: str, key: str, **params: str) -> list[dict[str, Any]]:
    """Return what all pages hold."""
    return [each for page in cfn.get_paginator(operation).paginate(**params) for each in page[key]]


def names(cfn: Any, stack: str) -> set[str]:
    listed = every(cfn, "list_stack_resources", "StackResourceSummaries", StackName=stack)
    return {each["LogicalResourceId"] for each in listed}


def test_a_new_stack_s_children_wait_in_review_each_with_its_change_set(cfn: Any, put: Put, plan: Plan) -> None:
    middle = put("middle.json", {"Grandchild": nest(put("leaf.json", TABLE))})
    root = cfn.describe_change_set(ChangeSetName=plan(body({"Child": nest(middle)}), IncludeNestedStacks=True))
    assert (root["Status"], root["IncludeNestedStacks"]) == ("CREATE_COMPLETE", True)
    assert "ParentChangeSetId" not in root
    assert "RootChangeSetId" not in root
    row = rows(root)["Child"]
    assert (row["Action"], row["ResourceType"]) == ("Add", STACK)
    child = cfn.describe_change_set(ChangeSetName=row["ChangeSetId"])
    assert (child["StackId"], child["Status"]) == (row["PhysicalResourceId"], "CREATE_COMPLETE")
    assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (root["ChangeSetId"], root["ChangeSetId"])
    assert child["ChangeSetName"].startswith("first-Child-")
    leaf = cfn.describe_change_set(ChangeSetName=rows(child)["Grandchild"]["ChangeSetId"])
    assert (leaf["ParentChangeSetId"], leaf["RootChangeSetId"]) == (child["ChangeSetId"], root["ChangeSetId"])
    assert rows(leaf)["Orders"]["Action"] == "Add"
    for number, parent in ((child["StackId"], root["StackId"]), (leaf["StackId"], child["StackId"])):
        stack = cfn.describe_stacks(StackName=number)["Stacks"][0]
        assert (stack["StackStatus"], stack["ParentId"], stack["RootId"]) == (
            "REVIEW_IN_PROGRESS",
            parent,
            root["StackId"],
        )
    listed = cfn.list_change_sets(StackName=child["StackId"])["Summaries"]
    assert [(summary["IncludeNestedStacks"], summary["RootChangeSetId"]) for summary in listed] == [
        (True, root["ChangeSetId"])
    ]


def test_what_was_reviewed_of_a_child_is_what_is_deployed(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    url = put("child.json", TABLE)
    shown = cfn.describe_change_set(ChangeSetName=plan(body({"Child": nest(url)}), IncludeNestedStacks=True))
    planned = rows(shown)["Child"]
    cfn.delete_change_set(ChangeSetName=shown["ChangeSetId"])
    assert deploy(body({"Child": nest(url)}), "second", IncludeNestedStacks=True) == "CREATE_COMPLETE"
    child = child_of(cfn, "Child")
    assert child["StackStatus"] == "CREATE_COMPLETE"
    assert child["StackId"] != planned["PhysicalResourceId"]
    assert names(cfn, child["StackId"]) == {"Orders"}
    root = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert (child["ParentId"], child["RootId"]) == (root["StackId"], root["StackId"])
    assert "ParentId" not in root


def test_a_child_s_change_set_shows_what_goes_with_it(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    deploy(body({"Child": nest(put("one.json", TABLE | TOPIC))}), IncludeNestedStacks=True)
    number = child_of(cfn, "Child")["StackId"]
    changed = body({"Child": nest(put("two.json", TOPIC))})
    root = cfn.describe_change_set(ChangeSetName=plan(changed, "second", "UPDATE", IncludeNestedStacks=True))
    row = rows(root)["Child"]
    assert (row["Action"], row["Replacement"], row["PhysicalResourceId"]) == ("Modify", "False", number)
    child = cfn.describe_change_set(ChangeSetName=row["ChangeSetId"], StackName=row["PhysicalResourceId"])
    assert {name: each["Action"] for name, each in rows(child).items()} == {"Orders": "Remove"}
    assert rows(child)["Orders"]["PolicyAction"] == "Delete"
    assert deploy(changed, "third", "UPDATE", IncludeNestedStacks=True) == "UPDATE_COMPLETE"
    assert names(cfn, number) == {"Topic"}


def test_another_template_at_the_same_url_is_seen(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    template = body({"Child": nest(put("child.json", TABLE | TOPIC))})
    deploy(template, IncludeNestedStacks=True)
    put("child.json", TOPIC)
    shown = cfn.describe_change_set(ChangeSetName=plan(template, "second", "UPDATE", IncludeNestedStacks=True))
    row = rows(shown)["Child"]
    assert {each["ChangeSource"] for each in row["Details"]} == {"Automatic"}
    child = cfn.describe_change_set(ChangeSetName=row["ChangeSetId"])
    assert rows(child)["Orders"]["Action"] == "Remove"


def test_children_that_stay_as_they_are_are_no_change(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    template = body({"Child": nest(put("child.json", TOPIC))})
    deploy(template, IncludeNestedStacks=True)
    shown = cfn.describe_change_set(ChangeSetName=plan(template, "second", "UPDATE", IncludeNestedStacks=True))
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"].startswith("The submitted information didn't contain changes")


def test_the_same_template_at_another_url_has_no_change_set(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    deploy(body({"Child": nest(put("one.json", TOPIC))}), IncludeNestedStacks=True)
    template = body({"Child": nest(put("two.json", TOPIC))})
    shown = cfn.describe_change_set(ChangeSetName=plan(template, "second", "UPDATE", IncludeNestedStacks=True))
    assert shown["Status"] == "CREATE_COMPLETE"
    assert "ChangeSetId" not in rows(shown)["Child"]


def test_a_child_that_is_not_looked_at_may_change(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    template = body({"Child": nest(put("child.json", TOPIC))})
    deploy(template)
    shown = cfn.describe_change_set(ChangeSetName=plan(template, "second", "UPDATE"))
    assert (shown["Status"], shown["IncludeNestedStacks"]) == ("CREATE_COMPLETE", False)
    row = rows(shown)["Child"]
    assert (row["Action"], row["Details"][0]["ChangeSource"]) == ("Modify", "Automatic")
    assert "ChangeSetId" not in row


def test_a_removed_child_has_no_change_set_and_goes(cfn: Any, put: Put, plan: Plan, deploy: Plan) -> None:
    deploy(body({"Child": nest(put("child.json", TABLE)), **TOPIC}), IncludeNestedStacks=True)
    number = child_of(cfn, "Child")["StackId"]
    shown = cfn.describe_change_set(ChangeSetName=plan(body(TOPIC), "second", "UPDATE", IncludeNestedStacks=True))
    row = rows(shown)["Child"]
    assert (row["Action"], row["PolicyAction"], row["PhysicalResourceId"]) == ("Remove", "Delete", number)
    assert "ChangeSetId" not in row
    assert deploy(body(TOPIC), "third", "UPDATE", IncludeNestedStacks=True) == "UPDATE_COMPLETE"
    assert cfn.describe_stacks(StackName=number)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_child_that_cannot_be_planned_fails_all_above_it(cfn: Any, put: Put, plan: Plan) -> None:
    bad = put("bad.json", TOPIC, Parameters={"Nobody": {"Type": "String"}})
    middle = put("middle.json", {"Grandchild": nest(bad)})
    root = cfn.describe_change_set(ChangeSetName=plan(body({"Child": nest(middle)}), IncludeNestedStacks=True))
    reasons = []
    while root["StatusReason"].startswith("Nested change set arn:"):
        assert (root["Status"], root["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert root["StatusReason"].endswith(" was not successfully created: Currently in FAILED.")
        reasons.append(root["StatusReason"])
        root = cfn.describe_change_set(ChangeSetName=root["StatusReason"].split(" ")[3])
    assert len(reasons) == 2
    assert root["Status"] == "FAILED"
    assert "Nobody" in root["StatusReason"]


def test_only_the_root_s_change_set_can_be_executed_or_deleted(aws: StandIn, cfn: Any, put: Put, plan: Plan) -> None:
    arn = plan(body({"Child": nest(put("child.json", TOPIC))}), IncludeNestedStacks=True)
    row = rows(cfn.describe_change_set(ChangeSetName=arn))["Child"]
    for act in (cfn.execute_change_set, cfn.delete_change_set):
        with pytest.raises(ClientError) as refused:
            act(ChangeSetName=row["ChangeSetId"])
        assert refused.value.response["Error"]["Code"] == "ValidationError"
    cfn.delete_change_set(ChangeSetName=arn)
    aws.settle()
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        cfn.describe_change_set(ChangeSetName=row["ChangeSetId"])
    assert [stack["StackName"] for stack in every(cfn, "describe_stacks", "Stacks")] == ["app"]


@pytest.mark.parametrize(
    "options",
    [
        {
            "kind": "IMPORT",
            "ResourcesToImport": [
                {
                    "ResourceType": "AWS::SNS::Topic",
                    "LogicalResourceId": "Topic",
                    "ResourceIdentifier": {"TopicArn": "x"},
                }
            ],
        },
        {"kind": "UPDATE", "DeploymentMode": "REVERT_DRIFT"},
    ],
    ids=["IMPORT", "REVERT_DRIFT"],
)
def test_imports_and_drift_exclude_children(plan: Plan, deploy: Plan, options: dict[str, Any]) -> None:
    deploy(body({"Queue": {"Type": "AWS::SQS::Queue"}}))
    with pytest.raises(ClientError) as refused:
        plan(body(TOPIC), "second", IncludeNestedStacks=True, **options)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_parameters_and_outputs_go_down_and_up(cfn: Any, put: Put, deploy: Plan) -> None:
    named = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}}}
    maker = put("maker.json", TOPIC, Outputs={"Arn": {"Value": {"Ref": "Topic"}}})
    taker = put("taker.json", named, Parameters={"Name": {"Type": "String"}})
    template = body(
        {
            "Maker": nest(maker),
            "Taker": nest(taker, Parameters={"Name": {"Fn::GetAtt": ["Maker", "Outputs.Arn"]}}),
        }
    )
    assert deploy(template, IncludeNestedStacks=True) == "CREATE_COMPLETE"
    made = child_of(cfn, "Maker")["Outputs"][0]["OutputValue"]
    assert [parameter["ParameterValue"] for parameter in child_of(cfn, "Taker")["Parameters"]] == [made]


def test_a_failed_child_takes_its_parent_and_its_siblings_back(cfn: Any, put: Put, deploy: Plan) -> None:
    first, second = put("one.json", TOPIC | TABLE), put("two.json", TABLE)
    assert deploy(body({"Child": nest(first)}), IncludeNestedStacks=True) == "CREATE_COMPLETE"
    child = child_of(cfn, "Child")
    changed = body({"Child": nest(second), "Other": nest(put("bad.json", BROKEN)) | {"DependsOn": "Child"}})
    assert deploy(changed, "second", "UPDATE", IncludeNestedStacks=True) == "UPDATE_ROLLBACK_COMPLETE"
    events = every(cfn, "describe_stack_events", "StackEvents", StackName="app")
    failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
    assert [each["LogicalResourceId"] for each in failed] == ["Other"]
    assert (
        "was not successfully created: The following resource(s) failed to create: [Bucket]."
        in (failed[0]["ResourceStatusReason"])
    )
    now = child_of(cfn, "Child")
    assert (now["StackId"], now["StackStatus"]) == (child["StackId"], "UPDATE_ROLLBACK_COMPLETE")
    assert names(cfn, child["StackId"]) == {"Topic", "Orders"}
    assert names(cfn, "app") == {"Child"}
    assert {stack["StackName"] for stack in every(cfn, "describe_stacks", "Stacks")} == {"app", child["StackName"]}


def test_a_child_that_cannot_be_deleted_holds_its_parent(aws: StandIn, cfn: Any, put: Put, deploy: Plan) -> None:
    bucket = f"contract-held-{aws.account}"
    held = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}
    deploy(body({"Child": nest(put("child.json", held))}), IncludeNestedStacks=True)
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    cfn.delete_stack(StackName="app")
    aws.settle()
    child = child_of(cfn, "Child")
    assert child["StackStatus"] == "DELETE_FAILED"
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "DELETE_FAILED"
    events = every(cfn, "describe_stack_events", "StackEvents", StackName="app")
    failed = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "DELETE_FAILED"]
    assert any(
        "was not successfully deleted: The following resource(s) failed to delete: [Bucket]." in x for x in failed
    )
    aws.client("s3").delete_object(Bucket=bucket, Key="k")
    cfn.delete_stack(StackName="app")
    aws.settle()
    assert cfn.describe_stacks(StackName=child["StackId"])["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_what_a_child_retains_outlives_it(aws: StandIn, cfn: Any, put: Put, deploy: Plan) -> None:
    bucket = f"contract-kept-{aws.account}"
    kept = {"Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": bucket}}}
    deploy(body({"Child": nest(put("child.json", kept))}), IncludeNestedStacks=True)
    cfn.delete_stack(StackName="app")
    aws.settle()
    aws.client("s3").head_bucket(Bucket=bucket)
