"""plan.json: a plan as bytes, read and written; pure."""

from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from builder.deploy.records import PLAN_VERSION, Plan
from builder.errors import BadInput

_PLAN = TypeAdapter(Plan)


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=_Versioned)


def read_plan(data: bytes, where: str) -> Plan:
    """Return the plan in a file's bytes. Raises BadInput."""
    again = "python -m builder plan -o plan.json"
    return read_versioned(_PLAN, data, PLAN_VERSION, where=where, otherwise="is not a plan", again=again)


def write_plan(plan: Plan) -> bytes:
    """Return the bytes of plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"


def read_versioned(  # noqa: PLR0913 - what is read, and what is said of it
    adapter: TypeAdapter[V], data: bytes, version: int, *, where: str, otherwise: str, again: str
) -> V:
    """Return what a file holds. Raises BadInput: `otherwise` says what it is not, `again` makes another."""
    try:
        found = adapter.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(where=where, what=f"{otherwise}: {place}: {first['msg']}", next_step=again) from error
    if found.version != version:
        raise BadInput(
            where=where,
            what=f"plan version {found.version} is not {version}, which this builder reads",
            next_step=again,
        )
    return found
