"""A stack's template as plain data, made from a config in a line."""

from typing import Any

from builder.components.system import make_topology
from builder.components.templates import make_template
from loaded_config import HANDLER, make_loaded_config

THREE = {"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"]}

Json = dict[str, Any]


def template(stack: str, handler: str = HANDLER, **sections: Any) -> Json:
    """Return one stack's template, by its id."""
    return templates(handler, **sections)[stack]


def templates(handler: str = HANDLER, **sections: Any) -> dict[str, Json]:
    """Return every stack's template by its id."""
    loaded = make_loaded_config(handler, **sections)
    return {stack.id: make_template(loaded, stack).to_dict() for stack in make_topology(loaded).stacks}


def properties(made: Json, logical_id: str) -> Json:
    """Return a resource's properties."""
    values: Json = made["Resources"][logical_id]["Properties"]
    return values


def statements(made: Json, role: str) -> list[Json]:
    """Return what a role may do; every role has one inline policy and no managed one."""
    values = properties(made, role)
    assert values.keys() == {"AssumeRolePolicyDocument", "Policies"}
    (policy,) = values["Policies"]
    allowed: list[Json] = policy["PolicyDocument"]["Statement"]
    return allowed
