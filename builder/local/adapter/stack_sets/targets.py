"""The targets of a request: accounts and regions, or organizational units and regions.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from builder.local.adapter.emulator import AccountRegion
from builder.local.adapter.handlers import ApiError
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets.records import StackSet

ApiRequest = Mapping[str, Any]


def resolve(stack_set: StackSet, request: ApiRequest) -> dict[AccountRegion, str | None]:
    """Return the places of a request, region by region, each with its unit where the request names units.

    Raises ApiError for targets that the set's permission model does not have, and for none at all.
    """
    if "AccountsUrl" in request.get("DeploymentTargets", {}):
        raise ApiError("ValidationError", "The embedded AWS reads no list of accounts from a bucket")
    regions: Sequence[str] = request.get("Regions", [])
    if not regions:
        raise ApiError("ValidationError", "At least one region must be specified")
    accounts = _by_unit(stack_set, request) if stack_set.service_managed else dict.fromkeys(_accounts(request))
    return {AccountRegion(account, region): unit for region in regions for account, unit in accounts.items()}


def names_any(request: ApiRequest) -> bool:
    """Return whether a request names accounts, targets or regions."""
    return any(request.get(name) for name in ("Accounts", "DeploymentTargets", "Regions"))


def units(request: ApiRequest) -> list[str]:
    """Return the organizational units that a request names."""
    unit_ids: list[str] = request.get("DeploymentTargets", {}).get("OrganizationalUnitIds", [])
    return unit_ids


def left(stack_set: StackSet, request: ApiRequest) -> dict[AccountRegion, str | None]:
    """Return the instances in the request's units and regions, also of accounts that left their unit since."""
    unit_ids, regions = units(request), request["Regions"]
    candidates = (
        instance
        for instance in stack_set.instances.values()
        if instance.unit in unit_ids and instance.place.region in regions
    )
    return {
        instance.place: instance.unit
        for instance in candidates
        if _passes(request["DeploymentTargets"], instance.place.account)
    }


def one_by_one(request: ApiRequest) -> list[ApiRequest]:
    """Return the request once for each of its units, or itself where it names accounts."""
    targets = request["DeploymentTargets"]
    each = [{**targets, "OrganizationalUnitIds": [unit]} for unit in units(request)]
    return [{**request, "DeploymentTargets": unit_targets} for unit_targets in each] or [request]


def remember(stack_set: StackSet, request: ApiRequest) -> None:
    """Add the units and regions of a request to those of automatic deployment."""
    for unit in units(request):
        stack_set.units[unit] = list(dict.fromkeys([*stack_set.units.get(unit, []), *request["Regions"]]))


def forget(stack_set: StackSet, request: ApiRequest) -> None:
    """Remove the units and regions of a request from those of automatic deployment."""
    for unit in units(request):
        stack_set.units[unit] = [region for region in stack_set.units.get(unit, []) if region not in request["Regions"]]
        if not stack_set.units[unit]:
            del stack_set.units[unit]


def _accounts(request: ApiRequest) -> list[str]:
    if units(request):
        raise ApiError(
            "ValidationError", "StackSets with SELF_MANAGED permission model can only have accounts as target"
        )
    accounts: list[str] = request.get("Accounts") or request.get("DeploymentTargets", {}).get("Accounts", [])
    if not accounts:
        raise ApiError("ValidationError", "At least one account must be specified")
    return accounts


def _by_unit(stack_set: StackSet, request: ApiRequest) -> dict[str, str | None]:
    if request.get("Accounts") or not units(request):
        raise ApiError(
            "ValidationError",
            "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target",
        )
    management = stack_set.home.account
    accounts: dict[str, str | None] = {}
    for unit in units(request):
        accounts |= dict.fromkeys(access.accounts_in(unit, management=management), unit)
    targets = request["DeploymentTargets"]
    if targets.get("AccountFilterType") == "UNION":
        listed: list[str] = targets.get("Accounts", [])
        others = (account for account in listed if account not in accounts and account != management)
        return accounts | {account: next(iter(access.units_of(account)), None) for account in others}
    return {account: unit for account, unit in accounts.items() if _passes(targets, account)}


def _passes(targets: Mapping[str, Any], account: str) -> bool:
    """Return whether an account of a unit passes the account filter."""
    listed: list[str] = targets.get("Accounts", [])
    match targets.get("AccountFilterType", "NONE"):
        case "INTERSECTION":
            return account in listed
        case "DIFFERENCE":
            return account not in listed
        case _:
            return True
