"""Operations of the fake's StackSets: they take their time, one after the other, and bear so many failures."""

from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import Fault, World
from fake_aws.conftest import TOPIC, Create
from fake_aws.fleet import NAME, A, B, C, instances, operation, refused, results

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def test_beyond_the_tolerance_the_rest_is_cancelled(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.script.fails("CREATE", "Topic", reason="no", account=A)
    failed = create(A, B, regions=("us-east-1", "us-west-2"))
    assert operation(cfn, failed) == "FAILED"
    assert results(cfn, failed) == {
        (A, "us-east-1"): (
            "FAILED",
            "ResourceLogicalId:Topic, ResourceType:AWS::SNS::Topic, ResourceStatusReason:no.",
        ),
        (B, "us-east-1"): ("CANCELLED", "Cancelled since failure tolerance has exceeded"),
        (A, "us-west-2"): ("CANCELLED", "Cancelled since failure tolerance has exceeded"),
        (B, "us-west-2"): ("CANCELLED", "Cancelled since failure tolerance has exceeded"),
    }
    assert instances(cfn)[A, "us-east-1"] == ("OUTDATED", "FAILED")


def test_a_missing_execution_role_is_named(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.forbidden_roles.add(f"arn:aws:iam::{A}:role/AWSCloudFormationStackSetExecutionRole")
    failed = create(A)
    assert results(cfn, failed)[A, "us-east-1"][1] == (
        f"Account {A} should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to Role"
        " 'AWSCloudFormationStackSetAdministrationRole'."
    )


def test_one_operation_at_a_time(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    where: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    cfn.create_stack_instances(**where)
    assert refused(cfn.update_stack_instances, **where) == "OperationInProgressException"
    assert refused(cfn.delete_stack_set, StackSetName=NAME) == "OperationInProgressException"
    world.settle()
    assert refused(cfn.delete_stack_set, StackSetName=NAME) == "StackSetNotEmptyException"


def test_managed_execution_queues(world: World, cfn: "CloudFormationClient") -> None:
    cfn.create_stack_set(StackSetName=NAME, TemplateBody=TOPIC, ManagedExecution={"Active": True})
    where: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    first = cfn.create_stack_instances(**where)["OperationId"]
    second = cfn.delete_stack_instances(**where, RetainStacks=False)["OperationId"]
    third = cfn.create_stack_instances(**where)["OperationId"]
    assert [operation(cfn, each) for each in (first, second, third)] == ["RUNNING", "QUEUED", "QUEUED"]
    world.settle()
    assert {operation(cfn, each) for each in (first, second, third)} == {"SUCCEEDED"}
    assert instances(cfn) == {(A, "us-east-1"): ("CURRENT", "SUCCEEDED")}


def test_a_stopped_operation_finishes_what_runs(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    operation_id = cfn.create_stack_instances(StackSetName=NAME, Accounts=[A, B, C], Regions=["us-east-1"])[
        "OperationId"
    ]
    world.pass_time(1)
    cfn.stop_stack_set_operation(StackSetName=NAME, OperationId=operation_id)
    assert operation(cfn, operation_id) == "STOPPING"
    world.settle()
    assert operation(cfn, operation_id) == "STOPPED"
    assert [status for status, _ in results(cfn, operation_id).values()] == ["SUCCEEDED", "CANCELLED", "CANCELLED"]
    assert (
        refused(cfn.stop_stack_set_operation, StackSetName=NAME, OperationId=operation_id)
        == "InvalidOperationException"
    )


def test_strictly_no_more_run_than_may_fail(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    accounts = [f"{number:012d}" for number in range(1, 9)]
    for mode, running in (("STRICT_FAILURE_TOLERANCE", 2), ("SOFT_FAILURE_TOLERANCE", 8)):
        preferences: Any = {"FailureToleranceCount": 1, "MaxConcurrentPercentage": 100, "ConcurrencyMode": mode}
        operation_id = cfn.create_stack_instances(
            StackSetName=NAME, Accounts=accounts, Regions=["us-east-1"], OperationPreferences=preferences
        )["OperationId"]
        world.pass_time(1)
        assert [status for status, _ in results(cfn, operation_id).values()].count("RUNNING") == running
        world.settle()


def test_the_rate_limit_counts_stack_set_calls_too(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    world.faults.rate_limit(per_second=8, burst=1)
    for _ in range(3):
        cfn.describe_stack_set(StackSetName=NAME)
    assert "Throttling" in {call.outcome for call in world.calls}


def test_a_lost_answer_is_found_again_by_its_operation_id(
    world: World, cfn: "CloudFormationClient", stack_set: str
) -> None:
    world.faults.add(Fault.LOSE_ANSWER, operation="CreateStackInstances", nth=1)
    where: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    assert refused(cfn.create_stack_instances, **where, OperationId="mine") == "OperationIdAlreadyExistsException"
    assert operation(cfn, "mine") == "RUNNING"


def test_a_stale_read_sees_the_operation_as_it_was(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.faults.max_age_s = 60
    rule = world.faults.add(Fault.STALE, operation="DescribeStackSetOperation")
    done = create(A)
    seen = {operation(cfn, done) for _ in range(20)}
    world.faults.remove(rule)
    assert "RUNNING" in seen
    assert operation(cfn, done) == "SUCCEEDED"


def test_regions_come_in_the_order_asked_for(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    for kind, running in (("SEQUENTIAL", {"us-west-2"}), ("PARALLEL", {"us-east-1", "us-west-2"})):
        preferences: Any = {"RegionOrder": ["us-west-2", "us-east-1"], "RegionConcurrencyType": kind}
        operation_id = cfn.create_stack_instances(
            StackSetName=NAME, Accounts=[A], Regions=["us-east-1", "us-west-2"], OperationPreferences=preferences
        )["OperationId"]
        world.pass_time(1)
        assert {
            region for (_, region), (status, _) in results(cfn, operation_id).items() if status == "RUNNING"
        } == running
        world.settle()


@pytest.mark.parametrize(
    "preferences",
    [
        {"FailureToleranceCount": 1, "FailureTolerancePercentage": 10},
        {"MaxConcurrentCount": 1, "MaxConcurrentPercentage": 10},
        {"MaxConcurrentCount": 3, "FailureToleranceCount": 1, "ConcurrencyMode": "STRICT_FAILURE_TOLERANCE"},
        {"RegionOrder": ["us-east-1", "us-east-1"]},
        {"RegionOrder": ["eu-west-1"]},
    ],
)
def test_preferences_that_cannot_be_kept_are_refused_and_change_nothing(
    cfn: "CloudFormationClient", stack_set: str, preferences: Any
) -> None:
    where: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    assert refused(cfn.create_stack_instances, **where, OperationPreferences=preferences) == "ValidationError"
    assert instances(cfn) == {}


def test_a_missing_administration_role_is_named(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.forbidden_roles.add("arn:aws:iam::111122223333:role/AWSCloudFormationStackSetAdministrationRole")
    assert "trust relationship to CloudFormation service" in (results(cfn, create(A))[A, "us-east-1"][1] or "")


def test_a_queued_operation_can_be_stopped(world: World, cfn: "CloudFormationClient") -> None:
    cfn.create_stack_set(StackSetName=NAME, TemplateBody=TOPIC, ManagedExecution={"Active": True})
    first = cfn.create_stack_instances(StackSetName=NAME, Accounts=[A], Regions=["us-east-1"])["OperationId"]
    second = cfn.create_stack_instances(StackSetName=NAME, Accounts=[B], Regions=["us-east-1"])["OperationId"]
    off: dict[str, Any] = {"StackSetName": NAME, "UsePreviousTemplate": True, "ManagedExecution": {"Active": False}}
    assert refused(cfn.update_stack_set, **off) == "OperationInProgressException"
    cfn.stop_stack_set_operation(StackSetName=NAME, OperationId=second)
    world.settle()
    assert (operation(cfn, first), operation(cfn, second)) == ("SUCCEEDED", "STOPPED")
    assert instances(cfn)[B, "us-east-1"] == ("OUTDATED", "CANCELLED")


def test_instances_are_filtered(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.script.fails_instance("no", account=B)
    last = create(A, B, FailureToleranceCount=1)
    by: list[Any] = [{"Name": "DETAILED_STATUS", "Values": "FAILED"}, {"Name": "LAST_OPERATION_ID", "Values": last}]
    summaries = cfn.list_stack_instances(StackSetName=NAME, Filters=by)["Summaries"]
    assert [each["Account"] for each in summaries] == [B]
    failed = [{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    listed = cfn.list_stack_set_operation_results(
        StackSetName=NAME,
        OperationId=last,
        Filters=failed,  # type: ignore[arg-type]  # a test's keywords
    )
    assert [each["Account"] for each in listed["Summaries"]] == [B]


def test_percentages_are_rounded_down(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    world.script.fails_instance("no", account=B)
    assert operation(cfn, create(A, B, C, FailureTolerancePercentage=33)) == "FAILED"
    world.script.fails_instance("no", account=B)
    assert operation(cfn, create(A, B, C, FailureTolerancePercentage=34)) == "SUCCEEDED"


def test_a_region_that_is_down_fails_its_instances_only(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    world.region_down("us-west-2")
    operation_id = create(A, regions=("us-east-1", "us-west-2"))
    assert [status for status, _ in results(cfn, operation_id).values()] == ["SUCCEEDED", "FAILED"]
    world.region_up("us-west-2")
    cfn.update_stack_instances(StackSetName=NAME, Accounts=[A], Regions=["us-west-2"])
    world.settle()
    assert set(instances(cfn).values()) == {("CURRENT", "SUCCEEDED")}
