"""AWS's REST protocol with JSON bodies: the operation's path by the model, the rest in the body. Lambda speaks it.

Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.model import ListShape, OperationModel

from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.wire.payload import Payload, text_of


def parse(operation: OperationModel, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the request's parameters; raise Unsupported for one that the model does not have."""
    url = urlsplit(request.url)
    if operation.input_shape is None:
        return {}
    body: dict[str, Any] = json.loads(text_of(request.body) or "{}")
    if unknown := body.keys() - operation.input_shape.members.keys():
        raise Unsupported(f"{operation.name}: the service model has no {sorted(unknown)}")
    in_path, query = _in_path(operation, url.path), parse_qs(url.query)
    params: dict[str, Any] = {}
    for name, member in operation.input_shape.members.items():
        wire, location = str(member.serialization.get("name", name)), member.serialization.get("location")
        if location == "uri":
            params[name] = in_path[wire]
        elif location == "querystring" and wire in query:
            params[name] = query[wire] if isinstance(member, ListShape) else query[wire][0]
    return params | body


def _in_path(operation: OperationModel, path: str) -> dict[str, str]:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", str(operation.http["requestUri"]))
    match = re.fullmatch(pattern, path)
    if match is None:
        raise Unsupported(f"{operation.name}: the path {path} is not the model's {operation.http['requestUri']}")
    return {name: unquote(value) for name, value in match.groupdict().items()}


def render(operation: OperationModel, reply: dict[str, Any], request_id: str) -> Payload:
    """Return the JSON of a reply that has been checked against the model; nothing where it has none."""
    return Payload(json.dumps(reply).encode() if operation.output_shape is not None else b"")


def render_error(operation: OperationModel, error: AwsRefusal, request_id: str) -> Payload:
    """Return the JSON of an error reply, its code in a header."""
    kind = "User" if error.status < 500 else "Service"
    body = json.dumps({"Type": kind, "Message": error.message})
    return Payload(body.encode(), {"x-amzn-errortype": error.code, "content-type": "application/json"})
