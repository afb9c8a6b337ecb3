"""Which resource failed first, from a stack's events; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

# What CloudFormation writes on resources it stops because another one failed.
_COLLATERAL = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")


@dataclass(frozen=True, slots=True)
class FirstCause:
    """The resource whose failure brought the operation down."""

    resource: str
    """`LogicalId (Type)`."""
    reason: str


def first_cause(events: Iterable["StackEventTypeDef"], client_token: str) -> FirstCause | None:
    """Return the first real failure of the operation that carries this token, or None if no event shows one.

    Events are as DescribeStackEvents gives them, newest first. They are matched by token, never by time.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    failures = [
        event
        for event in events
        if event.get("ClientRequestToken") == client_token
        and event.get("ResourceStatus", "").endswith("_FAILED")
        and not event.get("ResourceStatusReason", "").startswith(_COLLATERAL)
        # The stack's own event only repeats the names of those that failed.
        and event.get("PhysicalResourceId") != event["StackId"]
    ]
    if not failures:
        return None
    first = failures[-1]
    return FirstCause(
        resource=f"{first.get('LogicalResourceId', '?')} ({first.get('ResourceType', '?')})",
        reason=first.get("ResourceStatusReason", "no reason given"),
    )
