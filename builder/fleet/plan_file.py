"""fleet-plan.json: a fleet's plan as bytes, read and written; pure."""

from pydantic import TypeAdapter

from builder.deploy.plan_file import read_versioned
from builder.deploy.records import PLAN_VERSION
from builder.errors import BadInput
from builder.fleet.records import FLEET_PLAN_VERSION, FleetPlan

_PLAN = TypeAdapter(FleetPlan)


def read_fleet_plan(data: bytes, where: str) -> FleetPlan:
    """Return the plan in a file's bytes. Raises BadInput."""
    again, otherwise = "python -m builder fleet plan -o fleet-plan.json", "is no fleet's plan"
    found = read_versioned(_PLAN, data, FLEET_PLAN_VERSION, where=where, otherwise=otherwise, again=again)
    if found.ordinary.version != PLAN_VERSION:
        what = f"plan version {found.ordinary.version} in it is not {PLAN_VERSION}: plan again"
        raise BadInput(where=where, what=what, next_step=again)
    return found


def write_fleet_plan(plan: FleetPlan) -> bytes:
    """Return the bytes of fleet-plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"
