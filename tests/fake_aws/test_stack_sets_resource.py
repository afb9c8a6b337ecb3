"""AWS::CloudFormation::StackSet in a stack: its instances decide how long it takes and whether it holds."""

from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import Organization, World
from fake_aws.conftest import TOPIC, Deploy
from fake_aws.fleet import QUEUE, A, B, C

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def fleet(*accounts: str, body: str = TOPIC, tolerance: int = 0, suffix: str = "dev", extra: str = "") -> str:
    """Return a template with one StackSet of these accounts."""
    inner = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"""
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: fleet-net
      PermissionModel: SELF_MANAGED
      ManagedExecution: {{Active: true}}
      OperationPreferences: {{FailureToleranceCount: {tolerance}, MaxConcurrentCount: 10}}
      StackInstancesGroup:
        - DeploymentTargets: {{Accounts: {list(accounts)}}}
          Regions: [us-west-2]
          ParameterOverrides: [{{ParameterKey: EnvironmentSuffix, ParameterValue: {suffix}}}]
      TemplateBody: |
{inner}
{extra}
Outputs:
  Id: {{Value: !Ref Set}}
"""


@pytest.fixture
def run(world: World, cfn: "CloudFormationClient", plan: Deploy) -> Deploy:
    """Plan and execute a template without rollback, and wait until all is quiet; returns the stack's status."""

    def execute(body: str, name: str, *, disable_rollback: bool = True) -> str:
        cfn.execute_change_set(ChangeSetName=plan(body, name), DisableRollback=disable_rollback)
        world.settle()
        return world.stack("app").status

    return execute


def bodies(world: World, cfn: "CloudFormationClient") -> dict[str, str]:
    """Return the template that each account's stack runs, as the account itself reads it."""
    templates = {}
    for each in _listed(cfn):
        there = world.session(each["Account"]).client("cloudformation", region_name="us-west-2")
        templates[each["Account"]] = str(there.get_template(StackName=each["StackId"])["TemplateBody"]).strip()
    return templates


def _listed(cfn: "CloudFormationClient") -> list[Any]:
    pages = cfn.get_paginator("list_stack_instances").paginate(StackSetName="fleet-net")
    return [each for page in pages for each in page["Summaries"]]


def statuses(cfn: "CloudFormationClient") -> dict[str, str]:
    return {each["Account"]: each["Status"] for each in _listed(cfn)}


def test_it_makes_the_set_and_its_instances_and_takes_as_long_as_they(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    world.script.takes(600, resource="Topic", account=B)
    assert run(fleet(A, B), "first") == "CREATE_COMPLETE"
    record = world.stack("app").record
    assert (record.events[-1].at - record.events[0].at).total_seconds() > 600
    assert bodies(world, cfn) == {A: TOPIC.strip(), B: TOPIC.strip()}
    assert world.stack("app").record.outputs[0]["OutputValue"].startswith("fleet-net:")


def test_an_update_removes_changes_adds(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    run(fleet(A, B), "first")
    assert run(fleet(B, C, body=QUEUE), "second") == "UPDATE_COMPLETE"
    assert bodies(world, cfn) == {B: QUEUE.strip(), C: QUEUE.strip()}
    actions = [each["Action"] for each in cfn.list_stack_set_operations(StackSetName="fleet-net")["Summaries"]]
    assert actions == ["CREATE", "UPDATE"]  # newest first, a page of two


def test_changed_overrides_alone_update_the_instances(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    run(fleet(A), "first")
    assert run(fleet(A, suffix="prod"), "second") == "UPDATE_COMPLETE"
    shown = cfn.describe_stack_instance(
        StackSetName="fleet-net", StackInstanceAccount=A, StackInstanceRegion="us-west-2"
    )
    assert shown["StackInstance"]["ParameterOverrides"][0]["ParameterValue"] == "prod"


def test_deleting_the_stack_deletes_instances_and_set(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    run(fleet(A, B), "first")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"
    assert [each["Status"] for each in cfn.list_stack_sets()["Summaries"]] == ["DELETED"]
    for account in (A, B):
        there = world.session(account).client("cloudformation", region_name="us-west-2")
        assert there.describe_stacks()["Stacks"] == []


def test_a_failed_instance_fails_the_resource_and_the_next_operation_makes_it_anew(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    world.script.fails_instance("no", account=B)
    assert run(fleet(A, B), "first") == "CREATE_FAILED"
    resource = world.stack("app").record.resources["Set"]
    assert "was unexpectedly stopped or failed" in (resource.reason or "")
    first = resource.physical_id
    assert run(fleet(A, B, suffix="two"), "second") == "UPDATE_COMPLETE"
    assert world.stack("app").record.resources["Set"].physical_id != first
    assert statuses(cfn) == {A: "CURRENT", B: "CURRENT"}


def test_within_the_tolerance_the_resource_is_complete(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    world.script.fails_instance("no", account=B)
    assert run(fleet(A, B, tolerance=1), "first") == "CREATE_COMPLETE"
    assert statuses(cfn) == {A: "CURRENT", B: "OUTDATED"}


def test_without_rollback_a_failed_update_is_put_back_and_takes_an_update_again(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    run(fleet(A, B), "first")
    world.script.fails("CREATE", "Queue", reason="no", account=B)
    assert run(fleet(A, B, body=QUEUE), "second") == "UPDATE_FAILED"
    assert bodies(world, cfn) == {A: TOPIC.strip(), B: TOPIC.strip()}
    assert run(fleet(A, B, body=QUEUE), "third") == "UPDATE_COMPLETE"
    assert bodies(world, cfn) == {A: QUEUE.strip(), B: QUEUE.strip()}


def test_a_rollback_is_a_second_wave(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    run(fleet(A, B), "first")
    world.script.fails("CREATE", "Queue", reason="no", account=B)
    assert run(fleet(A, B, body=QUEUE), "second", disable_rollback=False) == "UPDATE_ROLLBACK_COMPLETE"
    assert bodies(world, cfn) == {A: TOPIC.strip(), B: TOPIC.strip()}
    assert statuses(cfn) == {A: "CURRENT", B: "CURRENT"}


def test_what_cannot_be_put_back_stays_where_it_got_to(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    run(fleet(A), "first")
    world.script.fails_instance("no", times=2)
    assert run(fleet(A, body=QUEUE), "second") == "UPDATE_FAILED"
    assert statuses(cfn) == {A: "OUTDATED"}
    assert run(fleet(A, body=QUEUE), "third") == "UPDATE_COMPLETE"
    assert bodies(world, cfn) == {A: QUEUE.strip()}


def test_a_taken_name_fails_the_resource(world: World, cfn: "CloudFormationClient", run: Deploy) -> None:
    cfn.create_stack_set(StackSetName="fleet-net", TemplateBody=TOPIC)
    assert run(fleet(A), "first") == "CREATE_FAILED"
    assert "already exists" in (world.stack("app").record.resources["Set"].reason or "")


def test_it_waits_for_its_turn(world: World, cfn: "CloudFormationClient", run: Deploy, plan: Deploy) -> None:
    run(fleet(A).replace("Active: true", "Active: false"), "first")
    change_set = plan(fleet(A, B).replace("Active: true", "Active: false"), "second")
    world.script.takes(30, action="STACK_INSTANCE", stack="fleet-net")
    cfn.update_stack_instances(StackSetName="fleet-net", Accounts=[A], Regions=["us-west-2"])
    cfn.execute_change_set(ChangeSetName=change_set, DisableRollback=True)
    world.settle()
    assert world.stack("app").status == "UPDATE_COMPLETE"
    assert statuses(cfn) == {A: "CURRENT", B: "CURRENT"}


def test_the_stacks_tags_are_the_sets(world: World, cfn: "CloudFormationClient", plan: Deploy) -> None:
    cfn.execute_change_set(ChangeSetName=plan(fleet(A), "first", Tags=[{"Key": "builder:fleet", "Value": "x"}]))
    world.settle()
    tags = cfn.describe_stack_set(StackSetName="fleet-net")["StackSet"]["Tags"]
    assert {"Key": "builder:fleet", "Value": "x"} in tags


def test_a_set_that_somebody_deleted_fails_an_update_and_not_the_deletion(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    run(fleet(A), "first")
    cfn.delete_stack_instances(StackSetName="fleet-net", Accounts=[A], Regions=["us-west-2"], RetainStacks=False)
    world.settle()
    cfn.delete_stack_set(StackSetName="fleet-net")
    assert run(fleet(A, body=QUEUE), "second") == "UPDATE_FAILED"
    assert "NotFound" in (world.stack("app").record.resources["Set"].reason or "")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"


def test_instances_that_the_template_does_not_name_keep_the_set(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    run(fleet(A), "first")
    cfn.create_stack_instances(StackSetName="fleet-net", Accounts=[B], Regions=["us-west-2"])
    world.settle()
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_FAILED"
    assert statuses(cfn) == {B: "CURRENT"}


def test_what_a_failed_creation_left_is_cleared_away_or_fails_again(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    world.script.fails_instance("no", account=B)
    run(fleet(A, B), "first")
    world.script.fails("DELETE", "Topic", reason="held", account=A)
    assert run(fleet(A, B, suffix="two"), "second") == "UPDATE_FAILED"
    assert world.stack("app").record.resources["Set"].status == "CREATE_FAILED"
    assert run(fleet(A, B, suffix="two"), "third") == "UPDATE_COMPLETE"
    assert statuses(cfn) == {A: "CURRENT", B: "CURRENT"}


def service_managed(unit: str) -> str:
    """Return the template of a set for a unit, asked for by a delegated administrator."""
    return (
        fleet()
        .replace("SELF_MANAGED", "SERVICE_MANAGED\n      CallAs: DELEGATED_ADMIN")
        .replace("{Accounts: []}", f"{{OrganizationalUnitIds: [{unit}]}}")
    )


def test_a_delegated_administrator_may_keep_sets_of_units(world: World, plan: Deploy, run: Deploy) -> None:
    organization = world.organization = Organization("999999999999", delegated={"111122223333"})
    unit = organization.unit("Workloads", A, B)
    assert run(service_managed(unit), "first") == "CREATE_COMPLETE"
    management = world.session("999999999999").client("cloudformation", region_name="us-east-1")
    assert statuses(management) == {A: "CURRENT", B: "CURRENT"}
    organization.delegated.clear()
    assert run(service_managed(unit) + "  More: {Value: x}\n", "second") == "UPDATE_COMPLETE"
    assert run(service_managed(unit).replace("SetName: fleet", "SetName: other"), "third") == "UPDATE_FAILED"


def test_targets_are_compared_and_not_the_accounts_they_come_to(
    world: World, cfn: "CloudFormationClient", run: Deploy
) -> None:
    organization = world.organization = Organization("999999999999", delegated={"111122223333"})
    outer = organization.unit("outer", A)
    inner = organization.unit("inner", B, parent=outer)
    run(service_managed(inner), "first")
    management = world.session("999999999999").client("cloudformation", region_name="us-east-1")
    before = {each["Account"]: each["StackId"] for each in _listed(management)}
    assert run(service_managed(f"{inner}, {outer}"), "second") == "UPDATE_COMPLETE"
    assert before.items() <= {each["Account"]: each["StackId"] for each in _listed(management)}.items()
    assert run(service_managed(outer), "third") == "UPDATE_COMPLETE"
    assert statuses(management) == {A: "CURRENT"}, "the unit that goes takes B with it, though the other has it too"
    assert run(service_managed(inner), "fourth") == "UPDATE_COMPLETE"
    assert statuses(management) == {B: "CURRENT"}


def test_an_account_that_left_its_unit_goes_when_the_unit_does(world: World, run: Deploy) -> None:
    organization = world.organization = Organization("999999999999", delegated={"111122223333"})
    unit, other = organization.unit("one", A, B), organization.unit("other", C)
    run(service_managed(unit), "first")
    organization.unit_of[A] = other
    management = world.session("999999999999").client("cloudformation", region_name="us-east-1")
    assert run(service_managed(f"{unit}, {other}"), "second") == "UPDATE_COMPLETE"
    assert statuses(management) == {A: "CURRENT", B: "CURRENT", C: "CURRENT"}
    assert run(service_managed(other), "third") == "UPDATE_COMPLETE"
    assert C in statuses(management)
    assert B not in statuses(management)


def test_an_instance_that_was_deleted_by_hand_does_not_come_back_by_an_update(
    cfn: "CloudFormationClient", world: World, run: Deploy
) -> None:
    run(fleet(A, B), "first")
    cfn.delete_stack_instances(StackSetName="fleet-net", Accounts=[A], Regions=["us-west-2"], RetainStacks=False)
    world.settle()
    assert run(fleet(A, B, body=QUEUE), "second") == "UPDATE_COMPLETE"
    assert statuses(cfn) == {B: "CURRENT"}


@pytest.mark.slow
def test_two_hundred_accounts_and_five_sets_are_made_in_one_stack(world: World, run: Deploy) -> None:
    accounts = [f"{number:012d}" for number in range(1, 201)]
    body = fleet(*accounts, tolerance=9)
    resources = [body.split("Resources:\n", 1)[1].split("\nOutputs:")[0]]
    for number in range(2, 6):
        again = resources[0].replace("  Set:\n", f"  Set{number}:\n", 1).replace("fleet-net", f"fleet-{number}")
        resources.append(again.replace("  Properties:\n", "  DependsOn: Set\n    Properties:\n", 1))
    assert run("Resources:\n" + "\n".join(resources), "first") == "CREATE_COMPLETE"
    made = [world.region(account, "us-west-2").cloudformation.stacks for account in accounts]
    assert [len(stacks) for stacks in made] == [5] * 200
    assert {stack.status for stacks in made for stack in stacks.values()} == {"CREATE_COMPLETE"}
