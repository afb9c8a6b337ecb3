"""Where a StackSet is administered from, and who it is that may."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Request
from fake_aws.cloudformation.stack_sets.records import StackSet
from fake_aws.refusals import AwsRefusal, validation_error

if TYPE_CHECKING:
    from fake_aws.world import World


@dataclass(frozen=True, slots=True)
class Seat:
    """The account and region that hold StackSets."""

    world: "World"
    account: str
    region: str

    @property
    def sets(self) -> dict[str, StackSet]:
        """Its StackSets by id, as they are now."""
        return self.world.region(self.account, self.region).cloudformation.stack_sets


def seat(request: Request, params: dict[str, Any]) -> Seat:
    """Return where a call's StackSets are: a delegated administrator's are the management account's."""
    if params.get("CallAs", "SELF") == "SELF":
        return Seat(request.world, request.account, request.region)
    organization = request.world.organization
    if organization is None or request.account not in organization.delegated:
        raise not_an_administrator()
    return Seat(request.world, organization.management, request.region)


def not_an_administrator() -> AwsRefusal:
    """Return the refusal of somebody who may not run service-managed StackSets."""
    return validation_error(
        "You must be the management account or delegated admin account of an organization before operating a"
        " SERVICE_MANAGED stack set"
    )


def find(request: Request, params: dict[str, Any]) -> StackSet:
    """Return the active StackSet that a call names by name, id or ARN, as this call sees it; or refuse."""
    name = params["StackSetName"]
    at = seat(request, params)
    sets = request.state.stack_sets if at.account == request.account else at.sets
    for each in sets.values():
        if each.status == "ACTIVE" and name in {each.name, each.id, each.arn}:
            return each
    raise AwsRefusal("StackSetNotFoundException", f"StackSet {name} not found", status=404)
