import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY
from local.adapter.stack_sets.fleet import ADMINISTRATION, EXECUTION, Fleet, template, waiting


def test_a_set_is_described_as_it_was_said(fleet: Fleet) -> None:
    definition: dict[str, Any] = {
        "Description": "all of <it> & more",
        "Parameters": [{"ParameterKey": "Name", "ParameterValue": "/b"}],
        "Tags": [{"Key": "team", "Value": "red"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "ManagedExecution": {"Active": True},
    }
    made = fleet.create(**definition)
    described = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]
    assert {name: described[name] for name in definition} == definition
    assert (described["StackSetId"], described["StackSetName"], described["Status"]) == (made, "set", "ACTIVE")
    assert described["StackSetARN"] == f"arn:aws:cloudformation:{PRIMARY}:{fleet.admin.id}:stackset/{made}"
    assert described["AdministrationRoleARN"] == f"arn:aws:iam::{fleet.admin.id}:role/{ADMINISTRATION}"
    assert described["ExecutionRoleName"] == EXECUTION
    assert described["TemplateBody"] == template()


def test_a_set_is_found_by_name_id_and_arn_in_its_region_only(fleet: Fleet) -> None:
    made = fleet.create()
    arn = f"arn:aws:cloudformation:{PRIMARY}:{fleet.admin.id}:stackset/{made}"
    for name in ("set", made, arn):
        assert fleet.cloudformation.describe_stack_set(StackSetName=name)["StackSet"]["StackSetId"] == made
    with pytest.raises(ClientError, match="StackSetNotFoundException"):
        fleet.client("cloudformation", region=SECONDARY).describe_stack_set(StackSetName="set")


def test_a_name_that_is_taken_is_refused_and_free_again_after_deletion(fleet: Fleet) -> None:
    first = fleet.create()
    with pytest.raises(ClientError, match="NameAlreadyExistsException"):
        fleet.create()
    fleet.cloudformation.delete_stack_set(StackSetName="set")
    second = fleet.create()
    listed = fleet.cloudformation.list_stack_sets()["Summaries"]
    assert {summary["StackSetId"]: summary["Status"] for summary in listed} == {first: "DELETED", second: "ACTIVE"}
    active = fleet.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert [summary["StackSetId"] for summary in active] == [second]


@pytest.mark.parametrize(
    ("body", "message"), [("{", "Template"), ('{"Resources": {"A": {"Type": "No::Such::Type"}}}', "No::Such::Type")]
)
def test_a_template_that_cloudformation_refuses_is_refused(fleet: Fleet, body: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        fleet.create(TemplateBody=body)
    with pytest.raises(ClientError, match="TemplateBody or TemplateURL"):
        fleet.cloudformation.create_stack_set(StackSetName="set")


def test_a_template_too_large_for_a_request_is_fetched_and_deployed(fleet: Fleet) -> None:
    bucket, s3, body = f"artifacts-{fleet.admin.id}", fleet.client("s3"), template() + " " * 60_000
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="t.json", Body=body)
    address = f"{fleet.admin.endpoint}/{bucket}/t.json"
    fleet.cloudformation.create_stack_set(StackSetName="set", TemplateURL=address)
    assert fleet.deploy()["Status"] == "SUCCEEDED"
    assert fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]["TemplateBody"] == body
    with pytest.raises(ClientError, match="ValidationError"):
        fleet.create(TemplateBody=body)
    with pytest.raises(ClientError, match="ValidationError"):
        fleet.cloudformation.create_stack_set(StackSetName="other", TemplateURL=address.replace("t.json", "none"))


def test_a_set_with_instances_is_not_deleted(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy()
    with pytest.raises(ClientError, match="StackSetNotEmptyException"):
        fleet.cloudformation.delete_stack_set(StackSetName="set")


def test_a_busy_set_is_not_deleted(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting())
    made = fleet.cloudformation.create_stack_instances(
        StackSetName="set", Accounts=[fleet.targets[0]], Regions=[PRIMARY]
    )
    with pytest.raises(ClientError, match="OperationInProgressException"):
        fleet.cloudformation.delete_stack_set(StackSetName="set")
    fleet.signal(fleet.targets[0])
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"


def test_an_update_changes_the_stacks_of_all_instances(fleet: Fleet) -> None:
    fleet.create(Tags=[{"Key": "team", "Value": "red"}])
    fleet.deploy()
    before = [fleet.stacks(account)[0]["StackId"] for account in fleet.targets]
    made = fleet.cloudformation.update_stack_set(
        StackSetName="set", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Name", "ParameterValue": "/b"}]
    )
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"
    for account, stack_id in zip(fleet.targets, before, strict=True):
        assert fleet.groups(account) == ["/b"]
        (stack,) = fleet.stacks(account)
        assert (stack["StackId"], stack["StackStatus"]) == (stack_id, "UPDATE_COMPLETE")
        assert stack["Tags"] == [{"Key": "team", "Value": "red"}]


def test_a_parameter_may_keep_its_previous_value(fleet: Fleet) -> None:
    fleet.create(Parameters=[{"ParameterKey": "Name", "ParameterValue": "/b"}])
    fleet.cloudformation.update_stack_set(
        StackSetName="set", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}]
    )
    described = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]
    assert described["Parameters"] == [{"ParameterKey": "Name", "ParameterValue": "/b"}]


def test_an_update_of_some_places_outdates_the_others(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy()
    first, second = fleet.targets
    made = fleet.cloudformation.update_stack_set(
        StackSetName="set", TemplateBody=template().replace("/a", "/b"), Accounts=[first], Regions=[PRIMARY]
    )
    assert fleet.results(fleet.wait(made["OperationId"])) == {(first, PRIMARY): "SUCCEEDED"}
    assert {instance["Account"]: instance["Status"] for instance in fleet.instances()} == {
        first: "CURRENT",
        second: "OUTDATED",
    }
    assert (fleet.groups(first), fleet.groups(second)) == (["/b"], ["/a"])


def test_an_update_that_fails_leaves_the_definition_changed(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy()
    body = template({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "Not_A_Bucket"}}})
    made = fleet.cloudformation.update_stack_set(StackSetName="set", TemplateBody=body)
    assert fleet.wait(made["OperationId"])["Status"] == "FAILED"
    described = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]
    assert json.loads(described["TemplateBody"]) == json.loads(body)
    assert fleet.stacks(fleet.targets[0])[0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_an_update_of_what_is_not_there_is_refused_and_changes_nothing(fleet: Fleet) -> None:
    fleet.create()
    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        fleet.cloudformation.update_stack_set(
            StackSetName="set",
            TemplateBody=template().replace("/a", "/b"),
            Accounts=[fleet.stranger],
            Regions=[PRIMARY],
        )
    assert fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]["TemplateBody"] == template()


def test_automatic_deployment_is_for_service_managed_sets(fleet: Fleet) -> None:
    with pytest.raises(ClientError, match="SERVICE_MANAGED"):
        fleet.create(AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False})


def test_sets_are_listed_in_pages(fleet: Fleet) -> None:
    for name in ("one", "two", "three"):
        fleet.create(name)
    pages = [
        [summary["StackSetName"] for summary in page["Summaries"]]
        for page in fleet.cloudformation.get_paginator("list_stack_sets").paginate(PaginationConfig={"PageSize": 2})
    ]
    assert pages == [["one", "two"], ["three"]]


def test_an_update_by_a_role_that_is_not_there_is_refused_and_changes_nothing(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy()
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        fleet.cloudformation.update_stack_set(
            StackSetName="set",
            TemplateBody=template().replace("/a", "/b"),
            AdministrationRoleARN=f"arn:aws:iam::{fleet.admin.id}:role/none",
        )
    assert fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]["TemplateBody"] == template()
    assert {instance["Status"] for instance in fleet.instances()} == {"CURRENT"}


def test_a_set_is_not_made_of_a_stack(fleet: Fleet) -> None:
    with pytest.raises(ClientError, match="makes no stack set of a stack"):
        fleet.cloudformation.create_stack_set(StackSetName="set", StackId="arn:aws:cloudformation:::stack/a/b")


def test_sets_are_apart_in_accounts_and_regions(fleet: Fleet) -> None:
    fleet.create()
    other_region = fleet.client("cloudformation", region=SECONDARY)
    other_account = fleet.client("cloudformation", fleet.targets[0])
    for client in (other_region, other_account):
        assert client.list_stack_sets()["Summaries"] == []
    other_region.create_stack_set(StackSetName="set", TemplateBody='{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}')
    assert len(other_region.list_stack_sets()["Summaries"]) == len(fleet.cloudformation.list_stack_sets()["Summaries"])
