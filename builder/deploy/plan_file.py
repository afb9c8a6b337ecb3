"""plan.json: a plan as bytes, read and written; pure."""

import json
import re
from dataclasses import replace
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from builder.deploy.change_set import Asked, console_link
from builder.deploy.records import PLAN_VERSION, Plan, Step
from builder.errors import BadInput

_PLAN = TypeAdapter(Plan)
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]+")


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=_Versioned)


def read_plan(data: bytes, where: str) -> Plan:
    """Return the plan in a file's bytes. Raises BadInput."""
    again = "python -m builder plan -o plan.json"
    plan = read_versioned(_PLAN, data, PLAN_VERSION, where=where, otherwise="is not a plan", again=again)
    return replace(plan, steps=tuple(replace(step, console=_console(step)) for step in plan.steps))


def _console(step: Step) -> str:
    """Return the link to the step's change set, computed: where it leads is nothing that a file may say."""
    if not _REGION.fullmatch(step.region) or not step.change_set.startswith("arn:aws"):
        return ""
    return console_link(Asked(step.stack, step.site, step.change_set, step.stack_arn))


def write_plan(plan: Plan) -> bytes:
    """Return the bytes of plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"


def read_versioned(  # noqa: PLR0913 - what is read, and what is said of it
    adapter: TypeAdapter[V], data: bytes, version: int, *, where: str, otherwise: str, again: str
) -> V:
    """Return what a file holds, its version read before anything else.

    Raises BadInput: `otherwise` says what the file is not, `again` is the command that makes another.
    """
    fault = _version_fault(data, version, otherwise)
    if fault:
        raise BadInput(where=where, what=fault, next_step=again)
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        # A key may be anybody's text: what moves a terminal's cursor is shown, not obeyed.
        place = ".".join(str(part) for part in first["loc"]).encode("unicode_escape").decode() or "the file"
        raise BadInput(where=where, what=f"{otherwise}: {place}: {first['msg']}", next_step=again) from None


def _version_fault(data: bytes, version: int, otherwise: str) -> str:
    """Return why nothing more of the file is read; empty where its version is the one that this builder reads."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return f"{otherwise}: it is not JSON"
    if not isinstance(said, dict):
        return f"{otherwise}: it is not a JSON object"
    if "version" not in said:
        return f"{otherwise}: it says no version"
    found = said["version"]
    if isinstance(found, bool) or not isinstance(found, int):
        return f"{otherwise}: its version is not an integer"
    if found != version:
        made_by = "an older builder" if found < version else "a newer builder"
        return f"plan version {found} is of {made_by}, and this one reads version {version}: plan again"
    return ""
