"""A read-only look at the organisation: its management account, and who is in the units that a fleet names."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages, together
from builder.errors import AwsError
from builder.fleet.records import ACTIVE, StackSet
from builder.fleet.targets import Organization
from builder.terms import AccountId, Region

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef

_WHERE = "organization"


async def observe_organization(clients: Clients, region: Region, units: tuple[str, ...]) -> Organization:
    """Return who is in these organisational units and all below them; no call where none is asked about.

    Organizations answers from one region of each partition, whatever `region` says.
    Raises AwsError where the credentials are neither the management account's nor a delegated administrator's.
    """
    if not units:
        return Organization()
    client = clients.organizations(region)
    described = await call(_WHERE, client.describe_organization)
    found = await together(_below(client, unit) for unit in units)
    members = {unit: tuple(account["Id"] for account in accounts) for unit, accounts in zip(units, found, strict=True)}
    states = {account["Id"]: _state(account) for accounts in found for account in accounts}
    return Organization(
        management=AccountId(described["Organization"]["MasterAccountId"]),
        members={unit: tuple(AccountId(one) for one in accounts) for unit, accounts in members.items()},
        inactive={AccountId(account): state for account, state in states.items() if state != ACTIVE},
    )


async def observe_states(clients: Clients, sets: Iterable[StackSet]) -> Mapping[AccountId, str]:
    """Return the state of every account of the organisation that service-managed sets follow; nothing if none does.

    It is asked where a stack is not as it should be, to tell whether anybody could mend it. Where it does not answer,
    or not to these credentials, nothing is returned; then the instances alone tell.
    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
    """
    site = next((one.site for one in sets if one.is_service_managed), None)
    if site is None:
        return {}
    client = clients.of(site).hurried().organizations(site.region)
    try:
        listed = pages(_WHERE, client.list_accounts)
        return {AccountId(one["Id"]): _state(one) async for page in listed for one in page["Accounts"]}
    except AwsError:
        return {}


async def _below(client: "OrganizationsClient", parent: str) -> "list[AccountTypeDef]":
    """Return the accounts of a unit and of every unit below it, over all pages."""
    where = f"{_WHERE}: {parent}"
    accounts: list[AccountTypeDef] = []
    async for page in pages(where, client.list_accounts_for_parent, ParentId=parent):
        accounts += page["Accounts"]
    units: list[str] = []
    async for part in pages(where, client.list_organizational_units_for_parent, ParentId=parent):
        units += [unit["Id"] for unit in part["OrganizationalUnits"]]
    for below in await together(_below(client, unit) for unit in units):
        accounts += below
    return accounts


def _state(account: "AccountTypeDef") -> str:
    """Return the account's state: `State` succeeds `Status`, which AWS retires."""
    return account.get("State") or account.get("Status") or ACTIVE
