import pytest
from botocore.exceptions import ClientError

from local.account import Account, Resources, deploy, destroy
from local.adapter.stack_sets.fleet import Fleet, template
from local.adapter.stack_sets.organized import Organized


def test_a_service_managed_set_needs_access_to_the_organization(fleet: Fleet) -> None:
    client = fleet.cloudformation
    assert client.describe_organizations_access()["Status"] == "DISABLED"
    with pytest.raises(ClientError, match="You must enable organizations access"):
        fleet.create(PermissionModel="SERVICE_MANAGED")
    client.activate_organizations_access()
    assert client.describe_organizations_access()["Status"] == "ENABLED"
    fleet.create(PermissionModel="SERVICE_MANAGED")
    client.deactivate_organizations_access()
    assert client.describe_organizations_access()["Status"] == "DISABLED"


def test_a_unit_holds_the_accounts_below_it_but_not_the_management_account(organized: Organized) -> None:
    outer, inner, outside = organized.accounts
    organized.move(outer, organized.root, organized.unit)
    organized.move(inner, organized.root, organized.inner)
    organized.move(organized.fleet.admin.id, organized.root, organized.unit)
    organized.create()
    assert organized.deploy()["Status"] == "SUCCEEDED"
    assert organized.placed() == {outer, inner}
    assert organized.deploy(units=[organized.root])["Status"] == "SUCCEEDED"
    assert organized.placed() == {outer, inner, outside}


def test_no_transform_is_taken_where_permissions_are_service_managed(organized: Organized) -> None:
    body = "Transform: AWS::LanguageExtensions\nResources: {T: {Type: AWS::SNS::Topic}}"
    request = {"TemplateBody": body, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    organized.fleet.cloudformation.create_stack_set(StackSetName="set", PermissionModel="SERVICE_MANAGED", **request)
    organized.move(organized.accounts[0], organized.root, organized.unit)
    assert organized.deploy()["Status"] == "FAILED"
    (instance,) = organized.fleet.instances("set")
    assert "do not support transforms" in instance["StatusReason"]


def test_a_closed_account_is_passed_over(organized: Organized) -> None:
    organized.client.close_account(AccountId=organized.accounts[0])
    organized.create()
    organized.deploy(units=[organized.root])
    assert organized.placed() == set(organized.accounts[1:])


def test_a_unit_of_another_organization_is_unknown(organized: Organized) -> None:
    organized.create()
    with pytest.raises(ClientError, match="ou-none-12345678 not found"):
        organized.deploy(units=["ou-none-12345678"])


def test_a_delegated_administrator_works_on_the_management_accounts_sets(organized: Organized) -> None:
    fleet, (delegate, member, _) = organized.fleet, organized.accounts
    client = fleet.client("cloudformation", delegate)
    with pytest.raises(ClientError, match=f"not a delegated administrator: {delegate}"):
        client.list_stack_sets(CallAs="DELEGATED_ADMIN")
    organized.client.register_delegated_administrator(
        AccountId=delegate, ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    organized.move(member, organized.root, organized.unit)
    client.create_stack_set(
        StackSetName="set", TemplateBody=template(), PermissionModel="SERVICE_MANAGED", CallAs="DELEGATED_ADMIN"
    )
    client.create_stack_instances(
        StackSetName="set",
        DeploymentTargets={"OrganizationalUnitIds": [organized.unit]},
        Regions=["us-east-1"],
        CallAs="DELEGATED_ADMIN",
    )
    assert organized.placed() == {member}
    assert client.list_stack_sets()["Summaries"] == []
    assert [
        stack_set["StackSetName"] for stack_set in client.list_stack_sets(CallAs="DELEGATED_ADMIN")["Summaries"]
    ] == ["set"]


def test_a_stack_of_a_delegated_administrator_makes_sets_of_the_organization(organized: Organized) -> None:
    _, member, late = organized.accounts
    organized.move(member, organized.root, organized.unit)
    admin, resource = _delegated_stack(organized, template())
    assert deploy(admin, "fleet", resource).status == "CREATE_COMPLETE"
    assert organized.placed() == {member}
    organized.move(late, organized.root, organized.unit)
    assert organized.placed() == {member, late}
    assert destroy(admin, "fleet").status == "DELETE_COMPLETE"
    assert organized.fleet.groups(member) == []


def test_what_a_delegated_administrators_stack_failed_to_make_is_deleted_with_it(organized: Organized) -> None:
    organized.move(organized.accounts[1], organized.root, organized.unit)
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "Not_A_Bucket"}}}
    admin, resource = _delegated_stack(organized, template(bucket))
    assert deploy(admin, "fleet", resource, OnStackFailure="DO_NOTHING").status == "CREATE_FAILED"
    assert len(organized.fleet.instances()) == 1
    assert destroy(admin, "fleet").status == "DELETE_COMPLETE"
    assert organized.fleet.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def _delegated_stack(organized: Organized, body: str) -> tuple[Account, Resources]:
    """Make an account a delegated administrator; return it, and the resource of a set on the outer unit."""
    delegate = organized.accounts[0]
    organized.client.register_delegated_administrator(
        AccountId=delegate, ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com"
    )
    properties = {
        "StackSetName": "set",
        "PermissionModel": "SERVICE_MANAGED",
        "CallAs": "DELEGATED_ADMIN",
        "AutoDeployment": {"Enabled": "true", "RetainStacksOnAccountRemoval": "false"},
        "TemplateBody": body,
        "StackInstancesGroup": [
            {"DeploymentTargets": {"OrganizationalUnitIds": [organized.unit]}, "Regions": ["us-east-1"]}
        ],
    }
    resource = {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}
    return Account(organized.fleet.admin.endpoint, delegate), resource
