"""AWS's REST protocol with XML bodies, as far as S3 needs it: the bucket in the host or the path, the rest by model.

Of S3 Control the path follows the model too, and a body has all that is nowhere else.

Source: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest
from botocore.model import ListShape, OperationModel, Shape, StructureShape

from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.wire.payload import Payload, text_of
from fake_aws.wire.query import members

_IN_HOST = re.compile(r"^(?P<bucket>.+)\.s3[.-]")
_OF_TRANSPORT = re.compile(r"Checksum(?!SHA256|Mode).*|Content(MD5|Length|Type|Encoding)|Expect")
"""Members that the client adds about the message itself; a SHA-256 it adds only where that is said."""


def parse(operation: OperationModel, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the request's parameters, without what only describes the message."""
    url = urlsplit(request.url)
    shape = operation.input_shape
    if shape is None:
        return {}
    is_control = operation.service_model.service_name == "s3control"
    params: dict[str, Any] = _by_model(operation, request) if is_control else _from_path(url.netloc, unquote(url.path))
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    for name, member in shape.members.items():
        wire = str(member.serialization.get("name", name))
        if member.serialization.get("location") == "querystring" and wire in query:
            params[name] = _scalar(member, query[wire])
        elif member.serialization.get("location") == "header" and wire in request.headers:
            params[name] = _scalar(member, text_of(request.headers[wire]))
        elif member.serialization.get("location") == "headers":
            held = {text_of(key): text_of(value) for key, value in request.headers.items()}
            meta = {key[len(wire) :]: value for key, value in held.items() if key.lower().startswith(wire)}
            params |= {name: meta} if meta else {}
    payload = shape.serialization.get("payload")
    if payload is not None and (body := _body(shape.members[payload], request)) is not None:
        params[payload] = body
    return {name: value for name, value in params.items() if not _OF_TRANSPORT.fullmatch(name)}


def _by_model(operation: OperationModel, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return what is in the path, by the names in the model's own, and in a body that is the whole input."""
    path = operation.http["requestUri"].partition("?")[0]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    placed = re.fullmatch(pattern, urlsplit(request.url).path)
    shape = operation.input_shape
    if placed is None or not isinstance(shape, StructureShape):
        raise Unsupported(f"{operation.name} at {request.url}")
    named = {str(member.serialization.get("name", name)): name for name, member in shape.members.items()}
    inside = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
    body = _body(shape, request) if inside else {}
    return {named[wire]: unquote(text) for wire, text in placed.groupdict().items()} | {
        name: value for name, value in (body or {}).items() if name in inside
    }


def _from_path(host: str, path: str) -> dict[str, str]:
    parts = path.lstrip("/").split("/", 1)
    if (in_host := _IN_HOST.match(host)) is not None:
        parts = [in_host["bucket"], path.lstrip("/")]
    names = dict(zip(("Bucket", "Key"), parts, strict=False))
    return {name: value for name, value in names.items() if value}


def _body(shape: Shape, request: AWSPreparedRequest) -> Json:
    raw: Json = request.body
    raw = raw.read() if hasattr(raw, "read") else raw
    content = raw.encode() if isinstance(raw, str) else bytes(raw or b"")
    if "aws-chunked" in text_of(request.headers.get("Content-Encoding")):
        content = _unchunk(content)
    if isinstance(shape, StructureShape):
        return _element(shape, ET.fromstring(content)) if content else None  # noqa: S314  the client's own
    return content.decode() if shape.type_name == "string" else content


def _unchunk(content: bytes) -> bytes:
    """Return the content of chunks; the trailer after the empty one is a checksum."""
    whole = b""
    while content:
        head, content = content.split(b"\r\n", 1)
        size = int(head.split(b";")[0], 16)
        if size == 0:
            return whole
        whole, content = whole + content[:size], content[size + 2 :]
    return whole


def _element(shape: Shape, element: ET.Element) -> Json:
    if not isinstance(shape, StructureShape):
        return _scalar(shape, element.text or "")
    members: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = str(member.serialization.get("name", name))
        children = [child for child in element if child.tag.rpartition("}")[2] == wire]
        if isinstance(member, ListShape) and children:
            listed = children if member.serialization.get("flattened") else list(children[0])
            members[name] = [_element(member.member, child) for child in listed]
        elif children:
            members[name] = _element(member, children[0])
    return members


def _scalar(shape: Shape, text: str) -> Json:
    match shape.type_name:
        case "boolean":
            return text.lower() == "true"
        case "integer" | "long":
            return int(text)
        case "string" | "timestamp":
            return text
    raise Unsupported(f"a {shape.type_name} in a REST request")


def render(operation: OperationModel, reply: dict[str, Any], request_id: str) -> Payload:
    """Return headers and XML of a reply that has been checked against the model."""
    shape = operation.output_shape
    if shape is None:
        return Payload(b"")
    located = {name: str(shape.members[name].serialization.get("location", "")) for name in reply}
    headers = {
        str(shape.members[name].serialization["name"]): _header(value)
        for name, value in reply.items()
        if located[name] == "header" and value is not None
    }
    for name in (name for name, location in located.items() if location == "headers"):
        prefix = str(shape.members[name].serialization["name"])
        headers |= {f"{prefix}{key}": value for key, value in (reply[name] or {}).items()}
    payload = shape.serialization.get("payload")
    if payload is None:
        body = members(shape, {name: value for name, value in reply.items() if not located[name]})
        return Payload(f"<{shape.name}>{body}</{shape.name}>".encode(), headers)
    member, value = shape.members[payload], reply.get(payload)
    if isinstance(member, StructureShape):
        return Payload(f"<{member.name}>{members(member, value or {})}</{member.name}>".encode(), headers)
    content = value.encode() if isinstance(value, str) else bytes(value or b"")
    return Payload(content, {**headers, "content-length": str(len(content))})


def _header(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_datetime(value, usegmt=True) if isinstance(value, datetime) else str(value)


def render_error(operation: OperationModel, error: AwsRefusal, request_id: str) -> Payload:
    """Return the XML of an error reply; HEAD has no body, so its code is the status."""
    if operation.http["method"] == "HEAD":
        return Payload(b"")
    fields = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message><RequestId>{request_id}</RequestId>"
    return Payload(f"<Error>{fields}</Error>".encode(), {"content-type": "application/xml"})
