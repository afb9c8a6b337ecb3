"""A name that is taken is known while planning, before CloudFormation would fail on it."""

from typing import TYPE_CHECKING

import pytest

from builder.errors import BuilderError, ExitCode, Stopped
from builder.fleet.progress import SetDone
from builder.terms import StackId
from fake_aws import Organization, World
from fake_aws.organizations.records import ROOT
from fleet.inventory import take_inventory
from fleet.rig import BODY, CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import (
    ACCOUNTS,
    ADMIN,
    FLEET,
    SELF_MANAGED,
    SERVICE_MANAGED,
    WEST,
    accounts,
    fleet_deployment,
    fleet_template,
    logical_id,
    stack_set,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = stack_set(STORAGE).name
TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
A, *_ = ACCOUNTS


def admin(world: World) -> "CloudFormationClient":
    return world.session(ADMIN).client("cloudformation", WEST)


def strangers(rig: FleetRig) -> None:
    """Somebody's set of a name of ours, with an instance."""
    client = admin(rig.world)
    client.create_stack_set(
        StackSetName=NAME,
        TemplateBody=TOPIC,
        AdministrationRoleARN=f"arn:aws:iam::{ADMIN}:role/tap-dev-administration",
        ExecutionRoleName="tap-dev-execution",
    )
    client.create_stack_instances(StackSetName=NAME, Accounts=[A], Regions=[WEST])
    rig.world.settle()


def refusal(rig: FleetRig, template: str | None = None) -> BuilderError:
    with pytest.raises(BuilderError) as caught:
        rig.plan(fleet_deployment(template) if template else None)
    return caught.value


def change_sets(rig: FleetRig) -> int:
    stacks = admin(rig.world).describe_stacks()["Stacks"]
    return sum(len(admin(rig.world).list_change_sets(StackName=stack["StackName"])["Summaries"]) for stack in stacks)


def test_somebody_else_s_set_stops_the_plan_which_leaves_nothing(rig: FleetRig) -> None:
    strangers(rig)
    refused = refusal(rig)
    assert refused.exit_code is ExitCode.STOPPED
    assert (refused.where, refused.what) == (
        STORAGE,
        f"a StackSet {NAME} exists already, and {FLEET} does not hold it: it would fail to be created",
    )
    assert "list-stack-instances" in refused.next_step
    assert change_sets(rig) == 0
    assert rig.operations("DeleteStackInstances") == 0


def test_one_that_came_after_the_plan_stops_the_execution_before_anything_runs(rig: FleetRig) -> None:
    plan = rig.plan()
    strangers(rig)
    with pytest.raises(Stopped, match="exists already"):
        rig.execute(plan)
    assert rig.operations("ExecuteChangeSet") == 0


def test_each_name_that_is_taken_is_told(rig: FleetRig) -> None:
    strangers(rig)
    later = stack_set("us-east-1/storage").name
    admin(rig.world).create_stack_set(StackSetName=later, TemplateBody=TOPIC)
    refused = refusal(rig)
    assert refused.exit_code is ExitCode.STOPPED
    assert {part for part in (NAME, later) if part in str(refused)} == {NAME, later}


def test_a_set_under_another_logical_id_of_the_same_stack_is_in_its_own_way(deployed: FleetRig) -> None:
    template = deployed.deployment.stacks[0].template
    renamed = template.replace(f"  {logical_id(STORAGE)}:", "  Renamed:").replace(
        f"- {logical_id(STORAGE)}", "- Renamed"
    )
    assert renamed != template
    assert f"is {logical_id(STORAGE)} of the same stack until that is gone" in refusal(deployed, renamed).what


@pytest.mark.slow
def test_a_set_whose_creation_failed_is_the_stack_s_own_and_made_anew(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Topic", reason="limit", account=A, region=WEST)
    rig.deploy(two_sets(FailureToleranceCount=0))
    plan = rig.plan()
    assert plan.sets[0].does == "create"
    assert all(
        isinstance(outcome, SetDone) for outcome in rig.execute(plan, [hit.allow for hit in plan.ordinary.guards]).sets
    )


def test_an_executed_plan_executed_again_finds_its_own_sets(rig: FleetRig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    assert rig.execute(plan).sets == (SetDone(StackId(STORAGE), 3), SetDone(StackId("us-east-1/storage"), 3))


def test_an_update_asks_for_no_name(deployed: FleetRig) -> None:
    before = deployed.operations("ListStackResources")
    deployed.execute(deployed.plan(two_sets(CHANGED)))
    assert deployed.operations("ListStackResources") == before


@pytest.mark.slow
@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("follows", [False, True])
def test_another_permission_model_is_refused_with_the_way_there(rig: FleetRig, follows: bool, renamed: bool) -> None:  # noqa: FBT001 - of the table
    rig.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    models = [(accounts(), SELF_MANAGED), ({"OrganizationalUnitIds": [ROOT]}, SERVICE_MANAGED)]
    (before, after) = models[::-1] if follows else models
    bodies = {STORAGE: BODY}
    rig.deploy(fleet_deployment(fleet_template(bodies, *before)))
    inventory = take_inventory(rig.world)
    waiting = change_sets(rig)
    template = fleet_template(bodies, *after)
    refused = refusal(
        rig, template.replace("tap-${EnvironmentSuffix}-us", "tap2-${EnvironmentSuffix}-us") if renamed else template
    )
    assert refused.exit_code is ExitCode.STOPPED
    words = "from service-managed to self-managed" if follows else "from self-managed to service-managed"
    assert f"fleet.permission_model changes {words}, which makes a new set of each of {STORAGE}" in refused.what
    assert "fleet destroy --retain" in refused.next_step
    assert (take_inventory(rig.world), change_sets(rig)) == (inventory, waiting)
