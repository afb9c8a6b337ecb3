"""Requests and replies of CloudFormation's query protocol, read and written by the shapes of botocore's model.

A member that the model does not know can be neither read nor answered.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.model import ListShape, ServiceModel, Shape, StructureShape
from botocore.session import Session

from builder.local.adapter.handlers import Reply

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


@cache
def model() -> ServiceModel:
    """Return botocore's model of CloudFormation."""
    return Session().get_service_model("cloudformation")


def status_of(code: str) -> int:
    """Return the HTTP status of an error; 400 for those without a shape."""
    errors = (shape.metadata["error"] for shape in model().error_shapes if "error" in shape.metadata)
    return next((int(error["httpStatusCode"]) for error in errors if error["code"] == code), 400)


def read_request(action: str, params: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the members of a request, nested as its input shape is."""
    shape = model().operation_model(action).input_shape
    flat = {name: values[0] if isinstance(values, list) else str(values) for name, values in params.items()}
    return _read_structure(shape, flat, "") if shape else {}


def _read(shape: Shape, flat: Mapping[str, str], path: str) -> Any:  # noqa: ANN401  as its shape says
    match shape.type_name:
        case "structure":
            assert isinstance(shape, StructureShape)  # noqa: S101  for the type checker
            return _read_structure(shape, flat, f"{path}.")
        case "list":
            assert isinstance(shape, ListShape)  # noqa: S101  for the type checker
            count = len({key[len(path) + 8 :].partition(".")[0] for key in flat if key.startswith(f"{path}.member.")})
            return [_read(shape.member, flat, f"{path}.member.{number}") for number in range(1, count + 1)]
        case "boolean":
            return flat[path] == "true"
        case "integer":
            return int(flat[path])
        case _:
            return flat[path]


def _read_structure(shape: StructureShape, flat: Mapping[str, str], prefix: str) -> dict[str, Any]:
    return {
        name: _read(member, flat, prefix + name)
        for name, member in shape.members.items()
        if any(key == prefix + name or key.startswith(f"{prefix}{name}.") for key in flat)
    }


def make_reply(action: str, answer: Mapping[str, Any]) -> Reply:
    """Return the reply to an action, without members that are None. Raises KeyError for a member the model lacks."""
    shape = model().operation_model(action).output_shape
    inner = _write_structure(shape, answer) if shape else ""
    body = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()


def _write(shape: Shape, value: Any) -> str:  # noqa: ANN401  as its shape says
    match shape.type_name:
        case "structure":
            assert isinstance(shape, StructureShape)  # noqa: S101  for the type checker
            return _write_structure(shape, value)
        case "list":
            assert isinstance(shape, ListShape)  # noqa: S101  for the type checker
            return "".join(f"<member>{_write(shape.member, item)}</member>" for item in value)
        case "boolean":
            return str(value).lower()
        case "timestamp":
            assert isinstance(value, datetime)  # noqa: S101  for the type checker
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case _:
            return escape(str(value))


def _write_structure(shape: StructureShape, values: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_write(shape.members[name], value)}</{name}>" for name, value in values.items() if value is not None
    )
