import pytest
from botocore.exceptions import ClientError

from local.adapter.stack_set.fleet import Fleet
from local.adapter.stack_set.organized import Organized


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


def test_a_closed_account_is_passed_over(organized: Organized) -> None:
    organized.client.close_account(AccountId=organized.accounts[0])
    organized.create()
    organized.deploy(units=[organized.root])
    assert organized.placed() == set(organized.accounts[1:])


def test_a_unit_of_another_organization_is_unknown(organized: Organized) -> None:
    organized.create()
    with pytest.raises(ClientError, match="ou-none-12345678 not found"):
        organized.deploy(units=["ou-none-12345678"])
