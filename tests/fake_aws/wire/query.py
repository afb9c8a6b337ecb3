"""AWS's query protocol: form fields in, XML out. CloudFormation and STS speak it.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.wire.payload import Payload, text_of


def parse(operation: OperationModel, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the request's parameters by the service model; raise Unsupported for a field it has no place for."""
    fields = dict(parse_qsl(text_of(request.body), keep_blank_values=True))
    action = fields.pop("Action", None)
    fields.pop("Version", None)
    if action != operation.name:
        raise Unsupported(f"the body asks for {action}, the client called {operation.name}")
    if operation.input_shape is None:
        params: dict[str, Any] = {}
    else:
        params = _structure(operation.input_shape, "", fields)
    if fields:
        raise Unsupported(f"{operation.name}: the service model has no place for {sorted(fields)}")
    return params


def _structure(shape: StructureShape, prefix: str, fields: dict[str, str]) -> dict[str, Any]:
    members = {}
    for name, member in shape.members.items():
        wire = f"{prefix}.{_name(member, name)}" if prefix else _name(member, name)
        if wire in fields or any(key.startswith(wire + ".") for key in fields):
            members[name] = _value(member, wire, fields)
    return members


def _value(shape: Shape, wire: str, fields: dict[str, str]) -> Json:
    if isinstance(shape, StructureShape):
        return _structure(shape, wire, fields)
    if isinstance(shape, ListShape):
        if fields.get(wire) == "":  # an empty list is sent as an empty field
            del fields[wire]
            return []
        return _list(shape, wire, fields)
    if isinstance(shape, MapShape):
        return _map(shape, wire, fields)
    return _scalar(shape, fields.pop(wire))


def _list(shape: ListShape, wire: str, fields: dict[str, str]) -> list[Any]:
    if not shape.serialization.get("flattened"):
        wire = f"{wire}.{_name(shape.member, 'member')}"
    values: list[Any] = []
    while any(key == (item := f"{wire}.{len(values) + 1}") or key.startswith(item + ".") for key in fields):
        values.append(_value(shape.member, f"{wire}.{len(values) + 1}", fields))
    return values


def _map(shape: MapShape, wire: str, fields: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    while f"{wire}.entry.{len(values) + 1}.key" in fields:
        item = f"{wire}.entry.{len(values) + 1}"
        values[fields.pop(f"{item}.key")] = _value(shape.value, f"{item}.value", fields)
    return values


def _scalar(shape: Shape, text: str) -> Json:
    match shape.type_name:
        case "boolean":
            return text == "true"
        case "integer" | "long":
            return int(text)
        case "string":
            return text
    raise Unsupported(f"a {shape.type_name} in a query request")


def _name(shape: Shape, default: str) -> str:
    return str(shape.serialization.get("name", default))


def render(operation: OperationModel, reply: dict[str, Any], request_id: str) -> Payload:
    """Return the XML of a reply that has been checked against the model."""
    inner = ""
    if operation.output_shape is not None:
        wrapper = operation.output_shape.serialization.get("resultWrapper", f"{operation.name}Result")
        inner = f"<{wrapper}>{members(operation.output_shape, reply)}</{wrapper}>"
    space = operation.service_model.metadata["xmlNamespace"]
    meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return _payload(f'<{operation.name}Response xmlns="{space}">{inner}{meta}</{operation.name}Response>')


def render_error(operation: OperationModel, error: AwsRefusal, request_id: str) -> Payload:
    """Return the XML of an error reply."""
    space = operation.service_model.metadata["xmlNamespace"]
    kind = "Sender" if error.status < 500 else "Receiver"
    fields = f"<Type>{kind}</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    return _payload(
        f'<ErrorResponse xmlns="{space}"><Error>{fields}</Error><RequestId>{request_id}</RequestId></ErrorResponse>'
    )


def _payload(xml: str) -> Payload:
    return Payload(xml.encode(), {"content-type": "text/xml"})


def members(shape: StructureShape, value: dict[str, Any]) -> str:
    """Return the XML of each member that has a value."""
    return "".join(
        _element(shape.members[name], name, inner)
        for name, inner in value.items()
        if inner is not None and not _is_attribute(shape.members[name])
    )


def _is_attribute(shape: Shape) -> bool:
    return bool(shape.serialization.get("xmlAttribute"))


def _attributes(shape: StructureShape, value: dict[str, Any]) -> str:
    """Return what of a structure stands in its tag: the kind of a grantee, in a namespace of its own."""
    return "".join(
        f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {_name(member, name)}="{escape(value[name])}"'
        for name, member in shape.members.items()
        if _is_attribute(member) and name in value
    )


def _element(shape: Shape, name: str, value: Json) -> str:
    tag = _name(shape, name)
    if isinstance(shape, StructureShape):
        return f"<{tag}{_attributes(shape, value)}>{members(shape, value)}</{tag}>"
    if isinstance(shape, ListShape):
        item = _name(shape.member, "member")
        if shape.serialization.get("flattened"):
            return "".join(_element(shape.member, tag, each) for each in value)
        return f"<{tag}>{''.join(_element(shape.member, item, each) for each in value)}</{tag}>"
    return f"<{tag}>{escape(text(value))}</{tag}>"


def text(value: Json) -> str:
    """Return a scalar as XML spells it; times in UTC with milliseconds."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, str | int | float):
        return str(value)
    raise Unsupported(f"{value!r} in an XML reply")
