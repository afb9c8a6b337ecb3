from collections.abc import Iterator
from typing import Any

import pytest

from builder.deploy.observe.operation import FirstCause, SinceGood, failed_resources, first_cause, since_good
from builder.terms import LogicalId


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


def test_every_failure_of_an_operation_that_is_its_own_is_listed() -> None:
    assert failed_resources(NEWEST_FIRST, "t1") == {"Bucket", "Second"}


def test_what_happened_since_the_last_good_state_is_told_apart_from_what_was_before() -> None:
    history = [
        event("tap-dev-table", "UPDATE_ROLLBACK_FAILED"),
        event("Stuck", "UPDATE_FAILED", "no way back"),
        event("Stopped", "UPDATE_FAILED", "Resource update cancelled"),
        event("tap-dev-table", "UPDATE_ROLLBACK_IN_PROGRESS"),
        event("Forth", "UPDATE_FAILED", "no"),
        event("New", "CREATE_COMPLETE"),
        event("tap-dev-table", "UPDATE_IN_PROGRESS"),
        event("tap-dev-table", "UPDATE_COMPLETE"),
        event("Old", "CREATE_COMPLETE"),
    ]
    made, failed = frozenset({LogicalId("New")}), frozenset({LogicalId("Stuck")})
    tokens = frozenset({"t1"})
    assert since_good(history) == SinceGood(known=True, made=made, failed=failed, tokens=tokens)
    assert since_good(history[:-2]) == SinceGood(known=False, made=made, failed=failed, tokens=tokens)


def test_no_event_is_taken_from_before_the_last_good_state() -> None:
    def listed() -> Iterator[Any]:
        yield event("tap-dev-table", "UPDATE_ROLLBACK_COMPLETE")
        pytest.fail("the page before is not needed")

    assert since_good(listed()).known
