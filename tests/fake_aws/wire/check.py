"""Holds what crosses the wire against botocore's service model.

A request that breaks the model's rules is refused with AWS's own text. A reply that breaks them is a mistake of the
fake, and loud.
"""

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Unsupported, validation_error

_BEYOND_THE_MODEL = {
    "ResourceStatus": (
        "REVIEW_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    )
}
"""What AWS answers though its model lacks it: events of the stack itself carry stack statuses."""


def refuse_bad_request(shape: Shape, params: dict[str, Any]) -> None:
    """Raise AWS's ValidationError naming every constraint that the request breaks."""
    errors = list(_broken(shape, params, path=""))
    if errors:
        plural = "error" if len(errors) == 1 else "errors"
        raise _constraint_error(f"{len(errors)} validation {plural} detected: {'; '.join(errors)}")


def _constraint_error(message: str) -> AwsRefusal:
    return validation_error(message)


def _broken(shape: Shape, value: Json, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value:
                yield _failed("null", _at(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if name in value:
                yield from _broken(member, value[name], _at(path, name))
    elif isinstance(shape, ListShape):
        yield from _broken_length(shape, value, path)
        for index, member in enumerate(value, start=1):
            yield from _broken(shape.member, member, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for member in value.values():
            yield from _broken(shape.value, member, path)
    else:
        yield from _broken_scalar(shape, value, path)


def _broken_scalar(shape: Shape, value: Json, path: str) -> Iterator[str]:
    if shape.type_name == "string":
        allowed = getattr(shape, "enum", None)
        if allowed and value not in allowed:
            yield _failed(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield _failed(value, path, f"Member must satisfy regular expression pattern: {pattern}")
        yield from _broken_length(shape, value, path)
    elif shape.type_name in {"integer", "long"}:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            yield _failed(value, path, f"Member must have value greater than or equal to {low}")
        if high is not None and value > high:
            yield _failed(value, path, f"Member must have value less than or equal to {high}")


def _broken_length(shape: Shape, value: Json, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _failed(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _failed(value, path, f"Member must have length less than or equal to {high}")


def _at(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _failed(value: Json, path: str, rule: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {rule}"


def refuse_bad_reply(shape: Any, reply: Json, where: str) -> None:
    """Raise Unsupported if the fake is about to answer something the service model does not have."""
    if shape is None:
        if reply:
            raise Unsupported(f"{where}: the operation answers nothing, the fake answered {reply!r}")
        return
    match shape.type_name:
        case "structure":
            _check_structure(shape, reply, where)
        case "list":
            for index, member in enumerate(reply):
                refuse_bad_reply(shape.member, member, f"{where}[{index}]")
        case "map":
            for key, member in reply.items():
                refuse_bad_reply(shape.value, member, f"{where}[{key}]")
        case "string":
            allowed = shape.enum
            if allowed and reply not in [*allowed, *_BEYOND_THE_MODEL.get(shape.name, ())]:
                raise Unsupported(f"{where}: {reply!r} is not one of {allowed}")


def _check_structure(shape: Any, reply: Json, where: str) -> None:
    if not isinstance(reply, dict):
        raise Unsupported(f"{where}: expected a structure, the fake answered {reply!r}")
    members = shape.members
    for name, value in reply.items():
        if name not in members:
            raise Unsupported(f"{where}: the service model has no {name}")
        if value is not None:
            refuse_bad_reply(members[name], value, f"{where}.{name}")
    if missing := [name for name in shape.required_members if reply.get(name) is None]:
        raise Unsupported(f"{where}: the reply lacks {missing}")
