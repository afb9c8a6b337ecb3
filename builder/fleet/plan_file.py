"""fleet-plan.json: a fleet's plan as bytes, read and written; pure."""

from pydantic import TypeAdapter, ValidationError

from builder.errors import BadInput
from builder.fleet.records import FLEET_PLAN_VERSION, FleetPlan

_PLAN = TypeAdapter(FleetPlan)
_AGAIN = "python -m builder fleet plan -o fleet-plan.json"


def read_fleet_plan(data: bytes, where: str) -> FleetPlan:
    """Return the plan in a file's bytes. Raises BadInput."""
    try:
        plan = _PLAN.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(where=where, what=f"is no fleet's plan: {place}: {first['msg']}", next_step=_AGAIN) from error
    if plan.version != FLEET_PLAN_VERSION:
        raise BadInput(
            where=where,
            what=f"plan version {plan.version} is not {FLEET_PLAN_VERSION}, which this builder reads",
            next_step=_AGAIN,
        )
    return plan


def write_fleet_plan(plan: FleetPlan) -> bytes:
    """Return the bytes of fleet-plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"
