from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.stack_sets import operations
from local.account import PRIMARY, SECONDARY
from local.adapter.stack_sets.fleet import Fleet, waiting


def test_an_operation_tells_what_it_was_and_how_it_ended(fleet: Fleet) -> None:
    fleet.create()
    preferences = {"FailureToleranceCount": 1, "RegionOrder": [PRIMARY], "RegionConcurrencyType": "PARALLEL"}
    operation = fleet.deploy(Accounts=[fleet.targets[0], fleet.stranger], OperationPreferences=preferences)
    assert operation["OperationPreferences"] == preferences
    assert (operation["Action"], operation["Status"]) == ("CREATE", "SUCCEEDED")
    assert operation["StatusDetails"] == {"FailedStackInstancesCount": 1}
    assert isinstance(operation["EndTimestamp"], datetime)
    assert operation["CreationTimestamp"] <= operation["EndTimestamp"]
    assert "RetainStacks" not in operation


def test_results_are_filtered_by_status_and_paged(fleet: Fleet) -> None:
    fleet.create()
    operation = fleet.deploy(Accounts=[*fleet.targets, fleet.stranger])
    request = {"StackSetName": "set", "OperationId": operation["OperationId"]}
    failed = fleet.cloudformation.list_stack_set_operation_results(
        **request, Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    )["Summaries"]
    assert [result["Account"] for result in failed] == [fleet.stranger]
    pages = fleet.cloudformation.get_paginator("list_stack_set_operation_results").paginate(
        **request, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Summaries"]) for page in pages] == [2, 1]
    with pytest.raises(ClientError, match="NextToken"):
        fleet.cloudformation.list_stack_set_operation_results(**request, NextToken="none")


def test_operations_are_listed_latest_first(fleet: Fleet) -> None:
    fleet.create()
    first = fleet.deploy()
    second = fleet.deploy(Regions=[SECONDARY])
    listed = fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]
    assert [operation["OperationId"] for operation in listed] == [second["OperationId"], first["OperationId"]]


def test_a_stopped_operation_finishes_what_runs_and_cancels_the_rest(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting())
    client, (first, second) = fleet.cloudformation, fleet.targets
    made = client.create_stack_instances(StackSetName="set", Accounts=[first, second], Regions=[PRIMARY])
    request = {"StackSetName": "set", "OperationId": made["OperationId"]}
    assert fleet.operation(made["OperationId"])["Status"] == "RUNNING"
    client.stop_stack_set_operation(**request)
    assert fleet.operation(made["OperationId"])["Status"] == "STOPPING"
    fleet.signal(first)
    operation = fleet.wait(made["OperationId"])
    assert operation["Status"] == "STOPPED"
    assert list(fleet.results(operation).values()) == ["SUCCEEDED", "CANCELLED"]
    assert [instance["StackInstanceStatus"]["DetailedStatus"] for instance in fleet.instances()] == [
        "SUCCEEDED",
        "CANCELLED",
    ]
    with pytest.raises(ClientError, match="InvalidOperationException"):
        client.stop_stack_set_operation(**request)


def test_a_queued_operation_is_stopped_without_having_run(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting(), ManagedExecution={"Active": True})
    client, (first, second) = fleet.cloudformation, fleet.targets
    client.create_stack_instances(StackSetName="set", Accounts=[first], Regions=[PRIMARY])
    queued = client.create_stack_instances(StackSetName="set", Accounts=[second], Regions=[PRIMARY])["OperationId"]
    client.stop_stack_set_operation(StackSetName="set", OperationId=queued)
    fleet.signal(first)
    assert fleet.wait(queued)["Status"] == "STOPPED"
    assert fleet.stacks(second) == []


def test_an_unknown_operation_is_said_to_be_unknown(fleet: Fleet) -> None:
    fleet.create()
    with pytest.raises(ClientError, match="OperationNotFoundException"):
        fleet.operation("none")


def _deploy(fleet: Fleet, **preferences: Any) -> Any:
    fleet.create()
    return fleet.deploy(
        Accounts=[fleet.stranger, *fleet.targets], Regions=[PRIMARY, SECONDARY], OperationPreferences=preferences
    )


def test_a_failure_beyond_the_tolerance_cancels_what_has_not_begun(fleet: Fleet) -> None:
    operation = _deploy(fleet)
    assert operation["Status"] == "FAILED"
    assert list(fleet.results(operation).values()) == ["FAILED"] + ["CANCELLED"] * 5
    assert {instance["StatusReason"] for instance in fleet.instances() if instance["Account"] in fleet.targets} == {
        "Cancelled since failure tolerance has exceeded"
    }
    assert [fleet.stacks(account) for account in fleet.targets] == [[], []]


@pytest.mark.parametrize("tolerance", [{"FailureToleranceCount": 1}, {"FailureTolerancePercentage": 34}])
def test_failures_are_tolerated_region_by_region(fleet: Fleet, tolerance: dict[str, int]) -> None:
    operation = _deploy(fleet, **tolerance)
    assert (operation["Status"], operation["StatusDetails"]["FailedStackInstancesCount"]) == ("SUCCEEDED", 2)
    assert [instance["Status"] for instance in fleet.instances()] == ["OUTDATED", "CURRENT", "CURRENT"] * 2


def test_regions_in_parallel_fail_each_by_itself(fleet: Fleet) -> None:
    operation = _deploy(fleet, RegionConcurrencyType="PARALLEL")
    assert sorted(fleet.results(operation).values()) == ["CANCELLED"] * 4 + ["FAILED"] * 2


def test_the_region_named_first_is_tried_first(fleet: Fleet) -> None:
    results = fleet.results(_deploy(fleet, RegionOrder=[SECONDARY]))
    assert results[(fleet.stranger, SECONDARY)] == "FAILED"
    assert results[(fleet.stranger, PRIMARY)] == "CANCELLED"


def test_so_many_accounts_are_tried_at_once_as_asked_for(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting())
    made = fleet.cloudformation.create_stack_instances(
        StackSetName="set",
        Accounts=list(fleet.targets),
        Regions=[PRIMARY],
        OperationPreferences={"MaxConcurrentCount": 2, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"},
    )
    # Each waits to be let go on: that both begin shows that neither waits for the other.
    for account in reversed(fleet.targets):
        fleet.signal(account)
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"


def test_a_second_operation_repairs_only_what_failed(fleet: Fleet) -> None:
    _deploy(fleet, FailureToleranceCount=1)
    fleet.trust(fleet.stranger)
    made = fleet.cloudformation.update_stack_instances(
        StackSetName="set", Accounts=[fleet.stranger], Regions=[PRIMARY, SECONDARY]
    )
    assert len(fleet.results(fleet.wait(made["OperationId"]))) == 2
    assert {instance["Status"] for instance in fleet.instances()} == {"CURRENT"}
    assert all("StatusReason" not in instance for instance in fleet.instances())


_SOFT = {"ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [({}, 0), ({"FailureToleranceCount": 3}, 3), ({"FailureTolerancePercentage": 19}, 1)],
)
def test_the_tolerance_is_a_count_or_a_share_rounded_down(preferences: dict[str, int], expected: int) -> None:
    assert operations.tolerance(preferences, 10) == expected


@pytest.mark.parametrize(
    ("preferences", "failures", "expected"),
    [
        ({}, 0, 1),
        ({"MaxConcurrentCount": 5}, 0, 1),
        ({"MaxConcurrentCount": 5, "FailureToleranceCount": 2}, 0, 3),
        ({"MaxConcurrentCount": 5, "FailureToleranceCount": 2}, 2, 1),
        ({"MaxConcurrentCount": 5, **_SOFT}, 0, 5),
        ({"MaxConcurrentPercentage": 55, **_SOFT}, 0, 5),
        ({"MaxConcurrentPercentage": 1, **_SOFT}, 0, 1),
    ],
)
def test_the_strict_mode_never_tries_more_than_may_fail_and_one(
    preferences: dict[str, object], failures: int, expected: int
) -> None:
    assert operations.concurrency(preferences, 10, failures=failures) == expected


def test_regions_come_in_the_order_asked_for_and_each_once() -> None:
    assert operations.order({"RegionOrder": ["c", "x", "a"]}, ["a", "b", "c", "a"]) == ["c", "a", "b"]


def test_regions_are_tried_one_by_one_or_all_at_once() -> None:
    assert operations.stages({}, ["a", "b"]) == [["a"], ["b"]]
    assert operations.stages({"RegionConcurrencyType": "PARALLEL"}, ["a", "b"]) == [["a", "b"]]
