"""The bodies of S3 requests, written by botocore from the service's own model."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer
from botocore.session import Session


def make_body(operation: str, **members: Mapping[str, Any]) -> bytes:
    """Return the XML body of an operation on a bucket; `members` in the shape of the S3 API."""
    serializer = create_serializer("rest-xml", include_validation=False)
    body: bytes = serializer.serialize_to_request({"Bucket": "any", **members}, _model(operation))["body"]
    return body


def _model(operation: str) -> OperationModel:
    return _service().operation_model(operation)


@cache
def _service() -> ServiceModel:
    return ServiceModel(Session().get_component("data_loader").load_service_model("s3", "service-2"), "s3")
