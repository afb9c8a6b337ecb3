"""The places that a request means: accounts times regions, or the accounts of organizational units.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from builder.local.adapter.emulator import Place
from builder.local.adapter.handlers import Fault
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets.records import StackSet

Request = Mapping[str, Any]


def resolve(stack_set: StackSet, request: Request) -> dict[Place, str | None]:
    """Return each place that a request means, region by region, with the unit it is in where units were named.

    Raises Fault for targets that the set's permission model does not have, and for none at all.
    """
    if "AccountsUrl" in request.get("DeploymentTargets", {}):
        raise Fault("ValidationError", "The embedded AWS reads no list of accounts from a bucket")
    regions: Sequence[str] = request.get("Regions", [])
    if not regions:
        raise Fault("ValidationError", "At least one region must be specified")
    accounts = _by_unit(stack_set, request) if stack_set.service_managed else dict.fromkeys(_accounts(request))
    return {Place(account, region): unit for region in regions for account, unit in accounts.items()}


def names_any(request: Request) -> bool:
    """Return whether a request means some places, and not all of its set."""
    return any(request.get(name) for name in ("Accounts", "DeploymentTargets", "Regions"))


def units(request: Request) -> list[str]:
    """Return the organizational units that a request names."""
    found: list[str] = request.get("DeploymentTargets", {}).get("OrganizationalUnitIds", [])
    return found


def left(stack_set: StackSet, request: Request) -> dict[Place, str | None]:
    """Return the instances of the request's units and regions whose accounts may have left them since."""
    named, regions = units(request), request["Regions"]
    here = (one for one in stack_set.instances.values() if one.unit in named and one.place.region in regions)
    return {one.place: one.unit for one in here if _passes(request["DeploymentTargets"], one.place.account)}


def one_by_one(request: Request) -> list[Request]:
    """Return the same request once for each of its units, or itself where it names accounts."""
    targets = request["DeploymentTargets"]
    alone = [{**targets, "OrganizationalUnitIds": [unit]} for unit in units(request)]
    return [{**request, "DeploymentTargets": one} for one in alone] or [request]


def remember(stack_set: StackSet, request: Request) -> None:
    """Note the units and regions of a request as those that accounts may join."""
    for unit in units(request):
        stack_set.units[unit] = list(dict.fromkeys([*stack_set.units.get(unit, []), *request["Regions"]]))


def forget(stack_set: StackSet, request: Request) -> None:
    """Take the units and regions of a request from those that accounts may join."""
    for unit in units(request):
        stack_set.units[unit] = [one for one in stack_set.units.get(unit, []) if one not in request["Regions"]]
        if not stack_set.units[unit]:
            del stack_set.units[unit]


def _accounts(request: Request) -> list[str]:
    if units(request):
        raise Fault("ValidationError", "StackSets with SELF_MANAGED permission model can only have accounts as target")
    found: list[str] = request.get("Accounts") or request.get("DeploymentTargets", {}).get("Accounts", [])
    if not found:
        raise Fault("ValidationError", "At least one account must be specified")
    return found


def _by_unit(stack_set: StackSet, request: Request) -> dict[str, str | None]:
    if request.get("Accounts") or not units(request):
        raise Fault(
            "ValidationError",
            "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target",
        )
    management = stack_set.home.account
    inside: dict[str, str | None] = {}
    for unit in units(request):
        inside |= dict.fromkeys(access.accounts_in(unit, management=management), unit)
    targets = request["DeploymentTargets"]
    if targets.get("AccountFilterType") == "UNION":
        named: list[str] = targets.get("Accounts", [])
        others = (account for account in named if account not in inside and account != management)
        return inside | {account: next(iter(access.units_of(account)), None) for account in others}
    return {account: unit for account, unit in inside.items() if _passes(targets, account)}


def _passes(targets: Mapping[str, Any], account: str) -> bool:
    """Return whether the filter lets an account of a unit through."""
    named: list[str] = targets.get("Accounts", [])
    match targets.get("AccountFilterType", "NONE"):
        case "INTERSECTION":
            return account in named
        case "DIFFERENCE":
            return account not in named
        case _:
            return True
