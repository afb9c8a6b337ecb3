"""AWS Organizations, as much as service-managed StackSets and their planning need; answered in every region.

Sources: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html, API_ListRoots,
API_ListOrganizationalUnitsForParent, API_ListAccountsForParent and API_ListAccounts
"""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, reads
from fake_aws.cloudformation.paging import page
from fake_aws.organizations.records import ROOT, Organization
from fake_aws.refusals import AwsRefusal

_ID = "o-fakefakefake"


def describe_organization(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeOrganization, to any account in it."""
    organization = _organization(request)
    return {
        "Organization": {
            "Id": _ID,
            "Arn": f"arn:aws:organizations::{organization.management}:organization/{_ID}",
            "FeatureSet": "ALL",
            "MasterAccountArn": _arn(organization, f"account/{_ID}/{organization.management}"),
            "MasterAccountId": organization.management,
            "MasterAccountEmail": f"{organization.management}@example.com",
        }
    }


def list_roots(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListRoots."""
    organization = _administered(request)
    return {"Roots": [{"Id": ROOT, "Arn": _arn(organization, f"root/{_ID}/{ROOT}"), "Name": "Root", "PolicyTypes": []}]}


def list_organizational_units_for_parent(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListOrganizationalUnitsForParent, one page."""
    organization = _administered(request)
    _check_parent(organization, params["ParentId"])
    units = [each for each in organization.units.values() if each.parent == params["ParentId"]]
    shown, token = page(request, units, params.get("NextToken"))
    listed = [{"Id": each.id, "Arn": _arn(organization, f"ou/{_ID}/{each.id}"), "Name": each.name} for each in shown]
    return {"OrganizationalUnits": listed, "NextToken": token}


def list_accounts_for_parent(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListAccountsForParent, one page; accounts of units below are not among them."""
    organization = _administered(request)
    _check_parent(organization, params["ParentId"])
    ids = sorted(account for account, unit in organization.unit_of.items() if unit == params["ParentId"])
    shown, token = page(request, ids, params.get("NextToken"))
    return {"Accounts": [_account(organization, each) for each in shown], "NextToken": token}


def list_accounts(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListAccounts, one page."""
    organization = _administered(request)
    shown, token = page(request, sorted(organization.unit_of), params.get("NextToken"))
    return {"Accounts": [_account(organization, each) for each in shown], "NextToken": token}


def _organization(request: Request) -> Organization:
    organization = request.world.organization
    if organization is None or request.account not in organization.unit_of:
        raise AwsRefusal("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    return organization


def _administered(request: Request) -> Organization:
    organization = _organization(request)
    if request.account != organization.management and request.account not in organization.delegated:
        raise AwsRefusal("AccessDeniedException", "You don't have permissions to access this resource.")
    return organization


def _check_parent(organization: Organization, parent: str) -> None:
    if parent not in organization.units:
        raise AwsRefusal("ParentNotFoundException", "You specified parent that doesn't exist.")


def _arn(organization: Organization, rest: str) -> str:
    return f"arn:aws:organizations::{organization.management}:{rest}"


def _account(organization: Organization, account: str) -> dict[str, Any]:
    state = organization.state(account)
    return {
        "Id": account,
        "Arn": _arn(organization, f"account/{_ID}/{account}"),
        "Email": f"{account}@example.com",
        "Name": f"account {account}",
        "Status": "SUSPENDED" if state == "CLOSED" else state,
        "State": state,
        "JoinedMethod": "CREATED",
    }


OPERATIONS: dict[str, Operation] = {
    "DescribeOrganization": reads(describe_organization),
    "ListRoots": reads(list_roots, "NextToken", "MaxResults"),
    "ListOrganizationalUnitsForParent": reads(
        list_organizational_units_for_parent, "ParentId", "NextToken", "MaxResults"
    ),
    "ListAccountsForParent": reads(list_accounts_for_parent, "ParentId", "NextToken", "MaxResults"),
    "ListAccounts": reads(list_accounts, "NextToken", "MaxResults"),
}
