from typing import Any

import pytest

from builder.deploy import Done, execute_plan
from builder.deploy.observe.operation import newest_at_work
from builder.deploy.progress import ResourceProgress
from deploy.rig import Rig
from fake_aws import Fault


def event(resource: str, status: str) -> Any:
    physical = "arn:stack" if resource == "the stack" else f"id of {resource}"
    return {
        "StackId": "arn:stack",
        "PhysicalResourceId": physical,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
    }


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([], None),
        ([("the stack", "CREATE_IN_PROGRESS")], None),
        ([("Url", "CREATE_IN_PROGRESS"), ("Function", "CREATE_COMPLETE"), ("Function", "CREATE_IN_PROGRESS")], "Url"),
        ([("Url", "CREATE_COMPLETE"), ("Role", "CREATE_IN_PROGRESS"), ("Url", "CREATE_IN_PROGRESS")], "Role"),
        ([("the stack", "CREATE_COMPLETE"), ("Url", "CREATE_COMPLETE"), ("Url", "CREATE_IN_PROGRESS")], None),
    ],
)
def test_in_progress_is_what_has_begun_last_and_not_ended(
    newest_first: list[tuple[str, str]], expected: str | None
) -> None:
    newest = newest_at_work([event(*row) for row in newest_first])
    assert (newest["LogicalResourceId"] if newest else None) == expected


@pytest.mark.slow
def test_who_looks_on_is_told_of_each_resource_once(rig: Rig) -> None:
    rig.world.script.takes(60, resource="Table")
    plan = rig.plan()
    outcomes = rig.watched(lambda emit: execute_plan(plan, rig.trusted(plan), rig.clients, emit, in_detail=True))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    progress = rig.events_of(ResourceProgress)
    assert (
        ResourceProgress(rig.stack("us-east-1/table").id, "Table (AWS::DynamoDB::GlobalTable)", "CREATE_IN_PROGRESS")
        in progress
    )
    assert len(progress) == len(set(progress))


def test_nobody_who_looks_on_disturbs(rig: Rig) -> None:
    rig.world.faults.add(Fault.DENIED, operation="DescribeStackEvents")
    plan = rig.plan()
    outcomes = rig.watched(lambda emit: execute_plan(plan, rig.trusted(plan), rig.clients, emit, in_detail=True))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert rig.events_of(ResourceProgress) == []


def test_it_costs_nothing_unless_somebody_looks_on(rig: Rig) -> None:
    rig.deploy()
    assert rig.operations("DescribeStackEvents") == 0
