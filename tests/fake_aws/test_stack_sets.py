"""StackSets on the fake: definitions, and instances that are real stacks."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import World
from fake_aws.conftest import TOPIC, Create
from fake_aws.fleet import AT_ONCE, NAME, QUEUE, A, B, instances, listed, operation, refused, results

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


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


def test_an_update_reaches_every_stack(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    create(A, B, **AT_ONCE)
    cfn.update_stack_set(StackSetName=NAME, TemplateBody=QUEUE, OperationPreferences=AT_ONCE)  # type: ignore[arg-type]
    world.settle()
    assert set(instances(cfn).values()) == {("CURRENT", "SUCCEEDED")}
    for each in listed(cfn):
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
    stack_ids = {each["Account"]: each["StackId"] for each in listed(cfn)}
    there = world.session(B).client("cloudformation", region_name="us-east-1")
    assert there.describe_stacks(StackName=stack_ids[B])["Stacks"][0]["Parameters"] == override
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
    target: dict[str, Any] = {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    assert refused(cfn.update_stack_instances, **target) == "StackInstanceNotFoundException"
    assert refused(cfn.update_stack_set, **target, UsePreviousTemplate=True) == "StackInstanceNotFoundException"
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
    cfn.create_stack_set(StackSetName="first", TemplateBody=TOPIC)
    sets = world.region("111122223333", "us-east-1").cloudformation.stack_sets
    (first,) = sets.values()
    sets |= {str(number): replace(first, id=str(number), name=f"s{number}") for number in range(998)}
    cfn.create_stack_set(StackSetName="last", TemplateBody=TOPIC)
    assert refused(cfn.create_stack_set, StackSetName="more", TemplateBody=TOPIC) == "LimitExceededException"


def test_an_update_keeps_what_it_does_not_name(world: World, cfn: "CloudFormationClient", create: Create) -> None:
    create(A)
    cfn.update_stack_set(
        StackSetName=NAME, UsePreviousTemplate=True, Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )
    world.settle()
    shown = cfn.describe_stack_set(StackSetName=NAME)["StackSet"]
    assert (shown["Description"], str(shown["TemplateBody"]), shown["Regions"]) == ("d", TOPIC, ["us-east-1"])
    (instance,) = listed(cfn)
    there = world.session(A).client("cloudformation", region_name="us-east-1")
    assert there.describe_stacks(StackName=instance["StackId"])["Stacks"][0]["Tags"] == [{"Key": "k", "Value": "v"}]


def test_a_failed_creation_leaves_no_stack_and_is_made_anew(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    world.script.fails("CREATE", "Topic", reason="no", account=A)
    create(A)
    (before,) = listed(cfn)
    assert world.stack(before["StackId"].split("/")[1], account=A).status == "DELETE_COMPLETE"
    create(A)
    (after,) = listed(cfn)
    assert (after["Status"], after["StackId"] == before["StackId"]) == ("CURRENT", False)


def test_a_stack_that_is_busy_or_protected_fails_its_instance(
    world: World, cfn: "CloudFormationClient", create: Create
) -> None:
    create(A)
    (instance,) = listed(cfn)
    name, where = instance["StackId"].split("/")[1], {"StackSetName": NAME, "Accounts": [A], "Regions": ["us-east-1"]}
    world.stack(name, account=A).put("UPDATE_ROLLBACK_FAILED")
    failed = cfn.update_stack_instances(**where)["OperationId"]  # type: ignore[arg-type]  # a test's keywords
    world.settle()
    assert "is in UPDATE_ROLLBACK_FAILED state" in (results(cfn, failed)[A, "us-east-1"][1] or "")
    there = world.session(A).client("cloudformation", region_name="us-east-1")
    there.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    failed = cfn.delete_stack_instances(**where, RetainStacks=False)["OperationId"]  # type: ignore[arg-type]
    world.settle()
    assert "TerminationProtection" in (results(cfn, failed)[A, "us-east-1"][1] or "")


def test_a_stack_that_is_taken_over_meanwhile_fails_its_instance(
    world: World, cfn: "CloudFormationClient", stack_set: str
) -> None:
    operation_id = cfn.create_stack_instances(StackSetName=NAME, Accounts=[A], Regions=["us-east-1"])["OperationId"]
    world.pass_time(4)
    (instance,) = listed(cfn)
    world.session(A).client("cloudformation", region_name="us-east-1").delete_stack(StackName=instance["StackId"])
    world.settle()
    assert "state" in (results(cfn, operation_id)[A, "us-east-1"][1] or "")
    again = cfn.delete_stack_instances(StackSetName=NAME, Accounts=[A], Regions=["us-east-1"], RetainStacks=False)[
        "OperationId"
    ]
    world.settle()
    assert operation(cfn, again) == "SUCCEEDED"
