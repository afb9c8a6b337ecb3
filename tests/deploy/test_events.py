from typing import Any

from builder.deploy.events import FirstCause, first_cause


def event(resource: str, status: str, reason: str = "", token: str = "t1") -> Any:
    return {
        "StackId": "stack",
        "PhysicalResourceId": "stack" if resource == "tap-dev-table" else resource.lower(),
        "LogicalResourceId": resource,
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "ClientRequestToken": token,
    }


NEWEST_FIRST = [
    event("tap-dev-table", "CREATE_FAILED", "The following resource(s) failed to create: [Bucket]."),
    event("Second", "CREATE_FAILED", "Also broken"),
    event("Other", "CREATE_FAILED", "Resource creation cancelled"),
    event("Bucket", "CREATE_FAILED", "Access Denied"),
    event("Bucket", "CREATE_IN_PROGRESS"),
    event("Before", "CREATE_FAILED", "an older operation", token="t0"),
]


def test_the_oldest_failure_of_this_operation_is_the_cause() -> None:
    assert first_cause(NEWEST_FIRST, "t1") == FirstCause("Bucket (AWS::S3::Bucket)", "Access Denied")


def test_another_operation_s_failures_are_not_ours() -> None:
    assert first_cause(NEWEST_FIRST, "t2") is None
