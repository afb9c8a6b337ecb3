from datetime import datetime

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY
from local.adapter.stack_set.fleet import Fleet, waiting


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
    wanted = {"StackSetName": "set", "OperationId": operation["OperationId"]}
    failed = fleet.cloudformation.list_stack_set_operation_results(
        **wanted, Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    )["Summaries"]
    assert [one["Account"] for one in failed] == [fleet.stranger]
    pages = fleet.cloudformation.get_paginator("list_stack_set_operation_results").paginate(
        **wanted, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Summaries"]) for page in pages] == [2, 1]
    with pytest.raises(ClientError, match="NextToken"):
        fleet.cloudformation.list_stack_set_operation_results(**wanted, NextToken="none")


def test_operations_are_listed_latest_first(fleet: Fleet) -> None:
    fleet.create()
    first = fleet.deploy()
    second = fleet.deploy(Regions=[SECONDARY])
    listed = fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]
    assert [one["OperationId"] for one in listed] == [second["OperationId"], first["OperationId"]]


def test_a_stopped_operation_finishes_what_runs_and_cancels_the_rest(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting())
    client, (first, second) = fleet.cloudformation, fleet.targets
    made = client.create_stack_instances(StackSetName="set", Accounts=[first, second], Regions=[PRIMARY])
    wanted = {"StackSetName": "set", "OperationId": made["OperationId"]}
    assert fleet.operation(made["OperationId"])["Status"] == "RUNNING"
    client.stop_stack_set_operation(**wanted)
    assert fleet.operation(made["OperationId"])["Status"] == "STOPPING"
    fleet.signal(first)
    operation = fleet.wait(made["OperationId"])
    assert operation["Status"] == "STOPPED"
    assert list(fleet.results(operation).values()) == ["SUCCEEDED", "CANCELLED"]
    assert [one["StackInstanceStatus"]["DetailedStatus"] for one in fleet.instances()] == ["SUCCEEDED", "CANCELLED"]
    with pytest.raises(ClientError, match="InvalidOperationException"):
        client.stop_stack_set_operation(**wanted)


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
