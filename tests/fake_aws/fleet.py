"""A StackSet under test, as its administrator sees it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "net"
A, B, C = "222222222222", "333333333333", "444444444444"
QUEUE = TOPIC.replace("  Topic:\n", "  Queue:\n    Type: AWS::SQS::Queue\n  Topic:\n")
AT_ONCE = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}


def operation(cfn: "CloudFormationClient", operation_id: str) -> str:
    answer = cfn.describe_stack_set_operation(StackSetName=NAME, OperationId=operation_id)
    return answer["StackSetOperation"]["Status"]


def results(cfn: "CloudFormationClient", operation_id: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    pages = cfn.get_paginator("list_stack_set_operation_results").paginate(StackSetName=NAME, OperationId=operation_id)
    return {
        (each["Account"], each["Region"]): (each["Status"], each.get("StatusReason"))
        for page in pages
        for each in page["Summaries"]
    }


def instances(cfn: "CloudFormationClient") -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (each["Account"], each["Region"]): (each["Status"], each["StackInstanceStatus"]["DetailedStatus"])
        for each in listed(cfn)
    }


def listed(cfn: "CloudFormationClient") -> Iterator[Any]:
    for page in cfn.get_paginator("list_stack_instances").paginate(StackSetName=NAME):
        yield from page["Summaries"]


def refused(call: Callable[..., object], **params: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])
