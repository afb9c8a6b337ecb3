"""plan.json: a plan as bytes, read and written; pure."""

from pydantic import TypeAdapter, ValidationError

from builder.deploy.records import PLAN_VERSION, Plan
from builder.errors import BadInput

_PLAN = TypeAdapter(Plan)


def read_plan(data: bytes, where: str) -> Plan:
    """Return the plan in a file's bytes. Raises BadInput."""
    try:
        plan = _PLAN.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(
            where=where, what=f"is not a plan: {place}: {first['msg']}", next_step="python -m builder plan -o plan.json"
        ) from error
    if plan.version != PLAN_VERSION:
        raise BadInput(
            where=where,
            what=f"plan version {plan.version} is not {PLAN_VERSION}, which this builder reads",
            next_step="python -m builder plan -o plan.json",
        )
    return plan


def write_plan(plan: Plan) -> bytes:
    """Return the bytes of plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"
