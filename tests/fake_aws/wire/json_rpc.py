"""AWS's JSON protocol: a target header and a JSON body. DynamoDB speaks it.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

import base64
import json
from datetime import datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.model import OperationModel

from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.wire.payload import Payload, text_of


def parse(operation: OperationModel, request: AWSPreparedRequest) -> dict[str, Any]:
    """Return the request's parameters; raise Unsupported for one that the model does not have."""
    params: dict[str, Any] = json.loads(text_of(request.body) or "{}")
    known = operation.input_shape.members if operation.input_shape is not None else {}
    if unknown := params.keys() - known.keys():
        raise Unsupported(f"{operation.name}: the service model has no {sorted(unknown)}")
    return params


def render(operation: OperationModel, reply: dict[str, Any], request_id: str) -> Payload:
    """Return the JSON of a reply that has been checked against the model."""
    shown = {name: value for name, value in reply.items() if value is not None}
    return Payload(json.dumps(shown, default=_scalar).encode())


def render_error(operation: OperationModel, error: AwsRefusal, request_id: str) -> Payload:
    """Return the JSON of an error reply."""
    space = str(operation.service_model.metadata["targetPrefix"]).lower()
    return Payload(json.dumps({"__type": f"com.amazonaws.{space}#{error.code}", "message": error.message}).encode())


def _scalar(value: object) -> Json:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise Unsupported(f"{value!r} in a JSON reply")
