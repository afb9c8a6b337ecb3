import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account
from local.adapter.stack_sets.fleet import ADMINISTRATION, EXECUTION, Fleet, make_fleet, template
from local.adapter.stack_sets.organized import organize
from local.adapter.strict import Strict, allow
from local.adapter.templates import table

_BAD = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "Not_A_Bucket"}}}


def _update(fleet: Fleet, body: str) -> Any:
    made = fleet.cloudformation.update_stack_set(StackSetName="set", TemplateBody=body)
    return fleet.wait(made["OperationId"])


def test_the_resource_that_failed_first_is_the_instances_reason(fleet: Fleet) -> None:
    fleet.create(TemplateBody=template(_BAD))
    fleet.deploy()
    reason = fleet.instances()[0]["StatusReason"]
    assert reason.startswith("ResourceLogicalId:Bucket, ResourceType:AWS::S3::Bucket, ResourceStatusReason:")


def test_a_stack_whose_creation_failed_is_made_anew(fleet: Fleet) -> None:
    fleet.create(TemplateBody=template(_BAD))
    fleet.deploy()
    first = fleet.targets[0]
    assert fleet.stacks(first)[0]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _update(fleet, template())["Status"] == "SUCCEEDED"
    assert [stack["StackStatus"] for stack in fleet.stacks(first)] == ["CREATE_COMPLETE"]


def test_an_update_that_changes_nothing_succeeds(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy()
    assert _update(fleet, template())["Status"] == "SUCCEEDED"
    assert fleet.stacks(fleet.targets[0])[0]["StackStatus"] == "CREATE_COMPLETE"


def test_a_template_with_roles_needs_the_sets_capability(strict: Strict) -> None:
    fleet = make_fleet(Account(strict.endpoint, strict.id))
    first = fleet.targets[0]
    _permit(fleet, first, "cloudformation:*", "iam:*")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}}
    fleet.create("bare", TemplateBody=template(role))
    fleet.create("able", TemplateBody=template(role), Capabilities=["CAPABILITY_IAM"])
    assert fleet.deploy("able", Accounts=[first])["Status"] == "SUCCEEDED"
    assert fleet.deploy("bare", Accounts=[first])["Status"] == "FAILED"
    assert "CAPABILITY_IAM" in fleet.instances("bare")[0]["StatusReason"]


def test_what_the_adapter_adds_to_cloudformation_holds_in_the_target_accounts(fleet: Fleet) -> None:
    fleet.create(TemplateBody=template(table()))
    fleet.deploy(Accounts=[fleet.targets[0]])
    for region in (PRIMARY, SECONDARY):
        assert fleet.client("dynamodb", fleet.targets[0], region).list_tables()["TableNames"] == ["tap-test-global"]
    assert fleet.client("dynamodb").list_tables()["TableNames"] == []


def test_a_stack_that_cannot_be_deleted_leaves_its_instance_inoperable(fleet: Fleet) -> None:
    first, name = fleet.targets[0], f"kept-{fleet.admin.id}"
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}}
    fleet.create(TemplateBody=template(bucket))
    fleet.deploy(Accounts=[first])
    s3 = fleet.client("s3", first)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    request = {"StackSetName": "set", "Accounts": [first], "Regions": [PRIMARY], "RetainStacks": False}
    assert fleet.wait(fleet.cloudformation.delete_stack_instances(**request)["OperationId"])["Status"] == "FAILED"
    (instance,) = fleet.instances()
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "INOPERABLE")
    assert "not empty" in instance["StatusReason"]
    assert fleet.results(_update(fleet, template(bucket))) == {}
    s3.delete_object(Bucket=name, Key="k")
    assert fleet.wait(fleet.cloudformation.delete_stack_instances(**request)["OperationId"])["Status"] == "SUCCEEDED"
    assert fleet.stacks(first) == []


def test_the_execution_role_may_do_what_its_policy_says(strict: Strict) -> None:
    fleet = make_fleet(Account(strict.endpoint, strict.id))
    fleet.create()
    first, second = fleet.targets
    assert "not authorized to perform: cloudformation:CreateStack" in _reason(fleet, first)
    _permit(fleet, first, "cloudformation:*")
    assert "not authorized to perform: logs:CreateLogGroup" in _reason(fleet, first)
    _permit(fleet, first, "cloudformation:*", "logs:*")
    assert fleet.deploy(Accounts=[first])["Status"] == "SUCCEEDED"
    _permit(fleet, first, "cloudformation:CreateStack", "cloudformation:DeleteStack", "logs:*")
    _update(fleet, template().replace("/a", "/b"))
    assert "not authorized to perform: cloudformation:UpdateStack" in fleet.instances()[0]["StatusReason"]
    made = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=[first], Regions=[PRIMARY], RetainStacks=False
    )
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"
    assert fleet.groups(first) == fleet.groups(second) == []


def test_service_managed_stacks_are_made_by_awss_own_role(strict: Strict) -> None:
    organized = organize(make_fleet(Account(strict.endpoint, strict.id)))
    organized.move(organized.accounts[0], organized.root, organized.unit)
    organized.create()
    strict.person(allow("cloudformation:*")).create_stack_instances(
        StackSetName="set",
        DeploymentTargets={"OrganizationalUnitIds": [organized.unit]},
        Regions=[PRIMARY],
    )
    assert organized.placed() == {organized.accounts[0]}


def _permit(fleet: Fleet, account: str, *actions: str) -> None:
    others = [action for action in actions if not action.startswith("cloudformation:")]
    stacks = [action for action in actions if action not in others]
    statements = [allow(*stacks, resource="arn:aws:cloudformation:*:*:stack/StackSet-*")]
    statements += [allow(*others)] if others else []
    fleet.client("iam", account).put_role_policy(
        RoleName=EXECUTION, PolicyName="p", PolicyDocument=json.dumps({"Statement": statements})
    )


def _reason(fleet: Fleet, account: str) -> str:
    fleet.deploy(Accounts=[account])
    return str(fleet.instances()[0]["StatusReason"])


def test_an_account_without_the_execution_role_fails_with_awss_reason(fleet: Fleet) -> None:
    fleet.create()
    assert fleet.deploy(Accounts=[fleet.stranger])["Status"] == "FAILED"
    (instance,) = fleet.instances()
    assert instance["StatusReason"] == (
        f"Account {fleet.stranger} should have '{EXECUTION}' role with trust relationship to Role '{ADMINISTRATION}'."
    )
    assert (instance["Status"], instance["StackInstanceStatus"]) == ("OUTDATED", {"DetailedStatus": "FAILED"})


def test_a_role_that_trusts_another_account_does_not_help(fleet: Fleet) -> None:
    fleet.create()
    fleet.trust(fleet.stranger, admin=fleet.targets[0])
    assert fleet.deploy(Accounts=[fleet.stranger])["Status"] == "FAILED"


def test_roles_of_other_names_are_the_ones_that_count(fleet: Fleet) -> None:
    arn = f"arn:aws:iam::{fleet.admin.id}:role/{ADMINISTRATION}"
    fleet.create(AdministrationRoleARN=arn, ExecutionRoleName="other")
    operation = fleet.deploy(OperationPreferences={"FailureToleranceCount": 1})
    assert operation["ExecutionRoleName"] == "other"
    assert "should have 'other' role" in fleet.instances()[0]["StatusReason"]
    fleet.trust(fleet.targets[0], "other")
    assert fleet.deploy(Accounts=[fleet.targets[0]])["Status"] == "SUCCEEDED"


def test_nothing_is_begun_without_an_administration_role(fleet: Fleet) -> None:
    arn = f"arn:aws:iam::{fleet.admin.id}:role/none"
    fleet.create(AdministrationRoleARN=arn)
    with pytest.raises(ClientError, match=f"Role {arn} is invalid or cannot be assumed"):
        fleet.cloudformation.create_stack_instances(StackSetName="set", Accounts=["111122223333"], Regions=[PRIMARY])
    assert fleet.instances() == []
