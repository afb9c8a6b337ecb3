import pytest
from botocore.exceptions import ClientError

from local.account import Account
from local.adapter.stack_sets.fleet import make_fleet
from local.adapter.stack_sets.organized import Organized, organize

_STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"


@pytest.fixture
def organized(account: Account) -> Organized:
    return organize(make_fleet(account))


def test_children_are_the_units_or_the_accounts_right_below(organized: Organized) -> None:
    organized.move(organized.accounts[0], organized.root, organized.unit)

    def children(kind: str) -> list[str]:
        listed = organized.client.list_children(ParentId=organized.unit, ChildType=kind)["Children"]
        assert {child["Type"] for child in listed} == {kind}
        return [child["Id"] for child in listed]

    assert (children("ORGANIZATIONAL_UNIT"), children("ACCOUNT")) == ([organized.inner], [organized.accounts[0]])


def test_access_is_given_and_taken(organized: Organized) -> None:
    client = organized.client

    def enabled() -> list[str]:
        listed = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        return [service["ServicePrincipal"] for service in listed]

    assert enabled() == [_STACK_SETS]
    assert organized.fleet.cloudformation.describe_organizations_access()["Status"] == "ENABLED"
    client.disable_aws_service_access(ServicePrincipal=_STACK_SETS)
    assert enabled() == []
    client.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    assert organized.fleet.cloudformation.describe_organizations_access()["Status"] == "DISABLED"


def test_an_organization_tells_who_manages_it(organized: Organized) -> None:
    organization = organized.client.describe_organization()["Organization"]
    assert organization["MasterAccountId"] == organized.fleet.admin.id


def test_a_refused_move_deploys_nothing(organized: Organized) -> None:
    organized.create()
    organized.deploy()
    with pytest.raises(ClientError, match="DuplicateAccountException"):
        organized.move(organized.accounts[0], organized.root, organized.root)
    assert organized.placed() == set()


def test_a_delegated_administrator_sees_the_organization(organized: Organized) -> None:
    delegate = organized.accounts[0]
    client = organized.fleet.client("organizations", delegate)
    organized.client.register_delegated_administrator(AccountId=delegate, ServicePrincipal=_STACK_SETS)
    assert client.describe_organization()["Organization"]["MasterAccountId"] == organized.fleet.admin.id
    assert [root["Id"] for root in client.list_roots()["Roots"]] == [organized.root]
    listed = organized.client.list_delegated_administrators()["DelegatedAdministrators"]
    assert [account["Id"] for account in listed] == [delegate]
    organized.client.deregister_delegated_administrator(AccountId=delegate, ServicePrincipal=_STACK_SETS)
    assert organized.client.list_delegated_administrators()["DelegatedAdministrators"] == []
