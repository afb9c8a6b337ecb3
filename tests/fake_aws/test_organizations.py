"""The fake's organization, and service-managed StackSets in it."""

from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import Organization, Unsupported, World
from fake_aws.conftest import TOPIC
from fake_aws.fleet import refused

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

MANAGEMENT, DELEGATE = "111122223333", "999999999999"
A, B, C, D = "222222222222", "333333333333", "444444444444", "555555555555"


@pytest.fixture
def organization(world: World) -> Organization:
    organization = world.organization = Organization(MANAGEMENT, delegated={DELEGATE})
    organization.unit("Admin", DELEGATE)
    outer = organization.unit("Workloads", A, B)
    organization.unit("Prod", C, parent=outer)
    organization.unit("Elsewhere", D)
    return organization


WORKLOADS, OTHER_UNIT = "ou-root-00000002", "ou-root-00000004"


def test_the_tree_is_read_in_pages(world: World, organization: Organization) -> None:
    client = world.session().client("organizations", region_name="us-east-1")
    assert client.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT
    (root,) = client.list_roots()["Roots"]
    units = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=root["Id"])
    assert [each["Name"] for page in units for each in page["OrganizationalUnits"]] == [
        "Admin",
        "Workloads",
        "Elsewhere",
    ]
    inside = client.list_accounts_for_parent(ParentId=WORKLOADS)["Accounts"]
    assert [each["Id"] for each in inside] == [A, B]
    everyone = client.get_paginator("list_accounts").paginate()
    assert len([each for page in everyone for each in page["Accounts"]]) == 6


def test_only_its_administrators_read_it(world: World, organization: Organization) -> None:
    for account, code in ((A, "AccessDeniedException"), ("000000000000", "AWSOrganizationsNotInUseException")):
        client = world.session(account).client("organizations", region_name="us-east-1")
        assert refused(client.list_accounts) == code
    member = world.session(A).client("organizations", region_name="us-east-1")
    assert member.describe_organization()["Organization"]["FeatureSet"] == "ALL"
    delegate = world.session(DELEGATE).client("organizations", region_name="us-east-1")
    assert refused(delegate.list_accounts_for_parent, ParentId="r-none") == "ParentNotFoundException"


def test_a_unit_needs_a_parent(organization: Organization) -> None:
    with pytest.raises(Unsupported):
        organization.unit("Lost", parent="ou-none")


def deploy(cfn: "CloudFormationClient", world: World, targets: dict[str, Any], **more: Any) -> set[str]:
    """Create a service-managed set and its instances; return the accounts that got one."""
    cfn.create_stack_set(
        StackSetName="net",
        TemplateBody=TOPIC,
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": False},
        **more,
    )
    cfn.create_stack_instances(
        StackSetName="net",
        DeploymentTargets=targets,  # type: ignore[arg-type]  # a test's keywords
        Regions=["us-east-1"],
        **more,
    )
    world.settle()
    pages = cfn.get_paginator("list_stack_instances").paginate(StackSetName="net", **more)
    return {each["Account"] for page in pages for each in page["Summaries"] if each["Status"] == "CURRENT"}


@pytest.mark.parametrize(
    ("targets", "accounts"),
    [
        ({"OrganizationalUnitIds": [WORKLOADS]}, {A, B, C}),
        ({"OrganizationalUnitIds": ["r-root"]}, {A, B, C, D, DELEGATE}),
        ({"OrganizationalUnitIds": [WORKLOADS], "Accounts": [A], "AccountFilterType": "INTERSECTION"}, {A}),
        ({"OrganizationalUnitIds": [WORKLOADS], "Accounts": [A], "AccountFilterType": "DIFFERENCE"}, {B, C}),
        ({"OrganizationalUnitIds": [WORKLOADS], "Accounts": [D], "AccountFilterType": "UNION"}, {A, B, C, D}),
    ],
)
def test_units_come_to_accounts_and_never_to_the_management_account(
    world: World,
    cfn: "CloudFormationClient",
    organization: Organization,
    targets: dict[str, Any],
    accounts: set[str],
) -> None:
    assert deploy(cfn, world, targets) == accounts


def test_a_delegated_administrators_sets_are_the_organizations(
    world: World, cfn: "CloudFormationClient", organization: Organization
) -> None:
    delegate = world.session(DELEGATE).client("cloudformation", region_name="us-east-1")
    targets = {"OrganizationalUnitIds": [OTHER_UNIT]}
    assert deploy(delegate, world, targets, CallAs="DELEGATED_ADMIN") == {D}
    (seen,) = cfn.list_stack_sets()["Summaries"]
    assert seen["PermissionModel"] == "SERVICE_MANAGED"
    assert cfn.describe_stack_set(StackSetName="net")["StackSet"]["OrganizationalUnitIds"] == [OTHER_UNIT]
    assert refused(delegate.describe_stack_set, StackSetName="net") == "StackSetNotFoundException"


def test_a_suspended_account_is_passed_over(
    world: World, cfn: "CloudFormationClient", organization: Organization
) -> None:
    organization.suspended.add(B)
    assert deploy(cfn, world, {"OrganizationalUnitIds": [WORKLOADS]}) == {A, C}
    shown = cfn.describe_stack_instance(StackSetName="net", StackInstanceAccount=B, StackInstanceRegion="us-east-1")
    assert shown["StackInstance"]["StackInstanceStatus"]["DetailedStatus"] == "SKIPPED_SUSPENDED_ACCOUNT"


def test_service_managed_sets_need_an_administrator_units_and_no_roles(
    world: World, cfn: "CloudFormationClient", organization: Organization
) -> None:
    service: dict[str, Any] = {"StackSetName": "net", "TemplateBody": TOPIC, "PermissionModel": "SERVICE_MANAGED"}
    member = world.session(A).client("cloudformation", region_name="us-east-1")
    assert refused(member.create_stack_set, **service) == "ValidationError"
    for call, name in ((member.list_stack_sets, {}), (member.delete_stack_set, {"StackSetName": "net"})):
        assert refused(call, CallAs="DELEGATED_ADMIN", **name) == "ValidationError"
    assert refused(cfn.create_stack_set, **service, ExecutionRoleName="x") == "ValidationError"
    cfn.create_stack_set(**service)
    for targets in (
        {"Accounts": [A]},
        {"OrganizationalUnitIds": ["ou-root-99999999"]},
        {"OrganizationalUnitIds": [WORKLOADS], "Accounts": [A]},
    ):
        params = {"StackSetName": "net", "Regions": ["us-east-1"], "DeploymentTargets": targets}
        assert refused(cfn.create_stack_instances, **params) == "ValidationError"


def test_what_the_fake_does_not_know_of_targets_is_loud(
    world: World, cfn: "CloudFormationClient", organization: Organization
) -> None:
    with pytest.raises(Unsupported, match="AccountsUrl"):
        deploy(cfn, world, {"AccountsUrl": "s3://somewhere/accounts"})
    world.organization = None
    with pytest.raises(Unsupported, match="without an organization"):
        cfn.create_stack_instances(
            StackSetName="net", DeploymentTargets={"OrganizationalUnitIds": [WORKLOADS]}, Regions=["us-east-1"]
        )
