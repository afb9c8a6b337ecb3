"""Which accounts a request means: those it names, or those of organizational units.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.cloudformation.stack_sets.records import StackSet
from fake_aws.refusals import Unsupported, validation_error

if TYPE_CHECKING:
    from fake_aws.world import World

Accounts = dict[str, str | None]
"""Account ids, each with the target unit it is in."""


def accounts(world: "World", stack_set: StackSet, params: dict[str, Any], *, departed: bool = False) -> Accounts:
    """Return the accounts that a request's Accounts or DeploymentTargets come to, or refuse them.

    With `departed` they are also those whose instances came by a unit that they have left since.
    """
    targets = params.get("DeploymentTargets", {})
    if "AccountsUrl" in targets:
        raise Unsupported("DeploymentTargets.AccountsUrl")
    if not stack_set.service_managed:
        return _named(params, targets)
    if "Accounts" in params or "OrganizationalUnitIds" not in targets:
        raise validation_error("Service-managed StackSets take DeploymentTargets with OrganizationalUnitIds")
    came = stack_set.instances.values() if departed else ()
    return _of_units(world, targets, {each.account: each.ou for each in came if each.ou})


def _named(params: dict[str, Any], targets: dict[str, Any]) -> Accounts:
    if "OrganizationalUnitIds" in targets:
        raise validation_error("OrganizationalUnitIds are not supported with SELF_MANAGED permission model")
    if ("Accounts" in params) == ("Accounts" in targets):
        raise validation_error("Either Accounts or DeploymentTargets must be specified")
    return dict.fromkeys(params.get("Accounts", targets.get("Accounts", [])))


def _of_units(world: "World", targets: dict[str, Any], came: Accounts) -> Accounts:
    organization = world.organization
    if organization is None:
        raise Unsupported("service-managed StackSets in a world without an organization")
    units: Accounts = {}
    for unit in targets["OrganizationalUnitIds"]:
        if unit not in organization.units:
            raise validation_error(f"Organizational unit {unit} does not exist")
        here = organization.accounts_under(unit) | {each for each, by in came.items() if by == unit}
        units |= dict.fromkeys(sorted(here), unit)
    named = targets.get("Accounts", [])
    match targets.get("AccountFilterType", "NONE"):
        case "NONE":
            if named:
                raise validation_error("AccountFilterType must be specified with Accounts and OrganizationalUnitIds")
            chosen = units
        case "INTERSECTION":
            chosen = {each: unit for each, unit in units.items() if each in named}
        case "DIFFERENCE":
            chosen = {each: unit for each, unit in units.items() if each not in named}
        case _:
            chosen = units | {each: organization.unit_of[each] for each in named if each not in units}
    return {each: unit for each, unit in chosen.items() if each != organization.management}
