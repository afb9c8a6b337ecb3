"""StackSets on the fake: definitions, instances that are real stacks, operations that take their time and fail."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Fault, World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "net"
A, B, C = "222222222222", "333333333333", "444444444444"
QUEUE = TOPIC.replace("  Topic:\n", "  Queue:\n    Type: AWS::SQS::Queue\n  Topic:\n")
AT_ONCE = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}


@pytest.fixture
def stack_set(cfn: "CloudFormationClient") -> str:
    return cfn.create_stack_set(StackSetName=NAME, TemplateBody=TOPIC)["StackSetId"]


Create = Callable[..., str]


@pytest.fixture
def create(cfn: "CloudFormationClient", stack_set: str, world: World) -> Create:
    """Make instances and let them be made; returns the operation's id."""

    def make(*accounts: str, regions: tuple[str, ...] = ("us-east-1",), **preferences: Any) -> str:
        made = cfn.create_stack_instances(
            StackSetName=NAME,
            Accounts=list(accounts),
            Regions=list(regions),
            OperationPreferences=preferences,  # type: ignore[arg-type]  # a test's keywords
        )
        world.settle()
        return made["OperationId"]

    return make


def operation(cfn: "CloudFormationClient", operation_id: str) -> str:
    found = cfn.describe_stack_set_operation(StackSetName=NAME, OperationId=operation_id)
    return found["StackSetOperation"]["Status"]


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
        for each in _instances(cfn)
    }


def _instances(cfn: "CloudFormationClient") -> Iterator[Any]:
    for page in cfn.get_paginator("list_stack_instances").paginate(StackSetName=NAME):
        yield from page["Summaries"]


def refused(call: Callable[..., object], **params: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_an_instance_is_a_stack_that_its_accounts_session_reads(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    create(A, B, regions=("us-east-1", "us-west-2"), **AT_ONCE)
    assert set(instances(cfn).values()) == {("CURRENT", "SUCCEEDED")}
    stack_id = cfn.describe_stack_instance(StackSetName=NAME, StackInstanceAccount=B, StackInstanceRegion="us-west-2")[
        "StackInstance"
    ]["StackId"]
    role = world.session().client("sts").assume_role(RoleArn=f"arn:aws:iam::{B}:role/x", RoleSessionName="test")
    there = world.session(B).client(
        "cloudformation",
        region_name="us-west-2",
        aws_access_key_id=role["Credentials"]["AccessKeyId"],
        aws_secret_access_key=role["Credentials"]["SecretAccessKey"],
        aws_session_token=role["Credentials"]["SessionToken"],
    )
    (stack,) = there.describe_stacks(StackName=stack_id)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert B in stack["Outputs"][0]["OutputValue"]
    assert str(there.get_template(StackName=stack_id)["TemplateBody"]) == TOPIC


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


def test_within_the_tolerance_an_update_repairs_only_what_is_named(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    world.script.fails_instance("no", stack_set=NAME, account=A)
    assert operation(cfn, create(A, B, FailureToleranceCount=1)) == "SUCCEEDED"
    assert instances(cfn) == {(A, "us-east-1"): ("OUTDATED", "FAILED"), (B, "us-east-1"): ("CURRENT", "SUCCEEDED")}
    again = cfn.update_stack_instances(StackSetName=NAME, Accounts=[A], Regions=["us-east-1"])["OperationId"]
    world.settle()
    assert results(cfn, again) == {(A, "us-east-1"): ("SUCCEEDED", None)}
    assert instances(cfn)[A, "us-east-1"] == ("CURRENT", "SUCCEEDED")


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
    begun = cfn.create_stack_instances(StackSetName=NAME, Accounts=[A, B, C], Regions=["us-east-1"])["OperationId"]
    world.pass_time(1)
    cfn.stop_stack_set_operation(StackSetName=NAME, OperationId=begun)
    assert operation(cfn, begun) == "STOPPING"
    world.settle()
    assert operation(cfn, begun) == "STOPPED"
    assert [status for status, _ in results(cfn, begun).values()] == ["SUCCEEDED", "CANCELLED", "CANCELLED"]
    assert refused(cfn.stop_stack_set_operation, StackSetName=NAME, OperationId=begun) == "InvalidOperationException"


def test_an_update_reaches_every_stack(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    create(A, B, **AT_ONCE)
    cfn.update_stack_set(StackSetName=NAME, TemplateBody=QUEUE, OperationPreferences=AT_ONCE)  # type: ignore[arg-type]
    world.settle()
    assert set(instances(cfn).values()) == {("CURRENT", "SUCCEEDED")}
    for each in _instances(cfn):
        there = world.session(each["Account"]).client("cloudformation", region_name=each["Region"])
        assert str(there.get_template(StackName=each["StackId"])["TemplateBody"]) == QUEUE


def test_an_update_of_some_leaves_the_others_outdated(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    create(A, B, **AT_ONCE)
    cfn.update_stack_set(StackSetName=NAME, TemplateBody=QUEUE, Accounts=[A], Regions=["us-east-1"])
    world.settle()
    assert {key[0]: status for key, (status, _) in instances(cfn).items()} == {A: "CURRENT", B: "OUTDATED"}


def test_overrides_are_the_instances_own(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    create(A, B, **AT_ONCE)
    override: list[Any] = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "prod"}]
    cfn.update_stack_instances(StackSetName=NAME, Accounts=[B], Regions=["us-east-1"], ParameterOverrides=override)
    world.settle()
    found = {each["Account"]: each["StackId"] for each in _instances(cfn)}
    there = world.session(B).client("cloudformation", region_name="us-east-1")
    assert there.describe_stacks(StackName=found[B])["Stacks"][0]["Parameters"] == override
    shown = cfn.describe_stack_instance(StackSetName=NAME, StackInstanceAccount=B, StackInstanceRegion="us-east-1")
    assert shown["StackInstance"]["ParameterOverrides"] == override


def test_a_failed_deletion_leaves_the_instance_inoperable(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    create(A)
    world.script.fails("DELETE", "Topic", reason="held", account=A)
    where: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    cfn.delete_stack_instances(**where, RetainStacks=False)
    world.settle()
    assert instances(cfn) == {(A, "us-east-1"): ("INOPERABLE", "INOPERABLE")}
    cfn.delete_stack_instances(**where, RetainStacks=True)
    world.settle()
    cfn.delete_stack_set(StackSetName=NAME)
    assert refused(cfn.describe_stack_set, StackSetName=NAME) == "StackSetNotFoundException"


def test_strictly_no_more_run_than_may_fail(world: World, cfn: "CloudFormationClient", stack_set: str) -> None:
    accounts = [f"{number:012d}" for number in range(1, 9)]
    for mode, running in (("STRICT_FAILURE_TOLERANCE", 2), ("SOFT_FAILURE_TOLERANCE", 8)):
        preferences: Any = {"FailureToleranceCount": 1, "MaxConcurrentPercentage": 100, "ConcurrencyMode": mode}
        begun = cfn.create_stack_instances(
            StackSetName=NAME, Accounts=accounts, Regions=["us-east-1"], OperationPreferences=preferences
        )["OperationId"]
        world.pass_time(1)
        assert [status for status, _ in results(cfn, begun).values()].count("RUNNING") == running
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
        begun = cfn.create_stack_instances(
            StackSetName=NAME, Accounts=[A], Regions=["us-east-1", "us-west-2"], OperationPreferences=preferences
        )["OperationId"]
        world.pass_time(1)
        assert {region for (_, region), (status, _) in results(cfn, begun).items() if status == "RUNNING"} == running
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


@pytest.mark.parametrize(
    "targets",
    [
        {"DeploymentTargets": {"OrganizationalUnitIds": ["r-root"]}},
        {},
        {"Accounts": [A], "DeploymentTargets": {"Accounts": [A]}},
        {"Accounts": [A], "Regions": ["us-east-1", "us-east-1"]},
        {"Accounts": [A], "ParameterOverrides": [{"ParameterKey": "Stranger", "ParameterValue": "x"}]},
    ],
)
def test_targets_and_overrides_that_do_not_fit_are_refused(
    cfn: "CloudFormationClient", stack_set: str, targets: dict[str, Any]
) -> None:
    params = {"StackSetName": NAME, "Regions": ["us-east-1"], **targets}
    assert refused(cfn.create_stack_instances, **params) == "ValidationError"


def test_what_is_not_there_is_said_in_its_own_words(cfn: "CloudFormationClient", stack_set: str) -> None:
    one: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    assert refused(cfn.update_stack_instances, **one) == "StackInstanceNotFoundException"
    assert refused(cfn.update_stack_set, **one, UsePreviousTemplate=True) == "StackInstanceNotFoundException"
    instance = {"StackSetName": NAME, "StackInstanceAccount": A, "StackInstanceRegion": "us-east-1"}
    assert refused(cfn.describe_stack_instance, **instance) == "StackInstanceNotFoundException"
    lost = {"StackSetName": NAME, "OperationId": "none"}
    assert refused(cfn.describe_stack_set_operation, **lost) == "OperationNotFoundException"
    assert refused(cfn.describe_stack_set, StackSetName="other") == "StackSetNotFoundException"
    cfn.delete_stack_set(StackSetName="other")


def test_a_definition_is_checked_as_a_stacks_is(cfn: "CloudFormationClient", stack_set: str) -> None:
    assert refused(cfn.create_stack_set, StackSetName=NAME, TemplateBody=TOPIC) == "NameAlreadyExistsException"
    role = "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}"
    assert refused(cfn.create_stack_set, StackSetName="b", TemplateBody=role) == "InsufficientCapabilitiesException"
    deploys: dict[str, Any] = {"StackSetName": "b", "TemplateBody": TOPIC, "AutoDeployment": {"Enabled": True}}
    assert refused(cfn.create_stack_set, **deploys) == "ValidationError"


def test_a_thousand_sets_are_the_limit(world: World, cfn: "CloudFormationClient") -> None:
    for number in range(1000):
        cfn.create_stack_set(StackSetName=f"s{number}", TemplateBody=TOPIC)
    assert refused(cfn.create_stack_set, StackSetName="more", TemplateBody=TOPIC) == "LimitExceededException"


def test_an_update_keeps_what_it_does_not_name(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    create(A)
    cfn.update_stack_set(
        StackSetName=NAME, UsePreviousTemplate=True, Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )
    world.settle()
    shown = cfn.describe_stack_set(StackSetName=NAME)["StackSet"]
    assert (shown["Description"], str(shown["TemplateBody"]), shown["Regions"]) == ("d", TOPIC, ["us-east-1"])
    (one,) = _instances(cfn)
    there = world.session(A).client("cloudformation", region_name="us-east-1")
    assert there.describe_stacks(StackName=one["StackId"])["Stacks"][0]["Tags"] == [{"Key": "k", "Value": "v"}]


def test_a_failed_creation_leaves_no_stack_and_is_made_anew(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    world.script.fails("CREATE", "Topic", reason="no", account=A)
    create(A)
    (before,) = _instances(cfn)
    assert world.stack(before["StackId"].split("/")[1], account=A).status == "DELETE_COMPLETE"
    create(A)
    (after,) = _instances(cfn)
    assert (after["Status"], after["StackId"] == before["StackId"]) == ("CURRENT", False)


def test_a_stack_that_is_busy_or_protected_fails_its_instance(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    create(A)
    (one,) = _instances(cfn)
    name, where = one["StackId"].split("/")[1], {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    world.stack(name, account=A).put("UPDATE_ROLLBACK_FAILED")
    failed = cfn.update_stack_instances(**where)["OperationId"]  # type: ignore[arg-type]  # a test's keywords
    world.settle()
    assert "is in UPDATE_ROLLBACK_FAILED state" in (results(cfn, failed)[A, "us-east-1"][1] or "")
    there = world.session(A).client("cloudformation", region_name="us-east-1")
    there.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    failed = cfn.delete_stack_instances(**where, RetainStacks=False)["OperationId"]  # type: ignore[arg-type]
    world.settle()
    assert "TerminationProtection" in (results(cfn, failed)[A, "us-east-1"][1] or "")


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
    found = cfn.list_stack_instances(StackSetName=NAME, Filters=by)["Summaries"]
    assert [each["Account"] for each in found] == [B]
    failed = [{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    listed = cfn.list_stack_set_operation_results(
        StackSetName=NAME,
        OperationId=last,
        Filters=failed,  # type: ignore[arg-type]  # a test's keywords
    )
    assert [each["Account"] for each in listed["Summaries"]] == [B]
