import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from builder.aws import call
from builder.deploy import execute_unreviewed
from builder.deploy.desired import TAG_STACK
from builder.errors import BuilderError, ExitCode
from builder.fleet import fleet_exit_code
from builder.fleet.records import StackSet
from builder.fleet.sets import pseudo_parameters
from builder.terms import AccountId, StackId
from fake_aws import Fault
from fleet.rig import BODY, CHANGED, LATER, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, EAST, FLEET, WEST, fleet_deployment, fleet_template, stack_set

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef


def test_the_sets_are_those_of_the_deployed_template_whatever_the_assembly_has_now(deployed: FleetRig) -> None:
    stacks, sets = deployed.observe()
    assert [contents.id for contents in stacks] == [FLEET]
    assert [set_.id for set_ in sets] == [STORAGE, "us-east-1/storage"]
    assert sets[0].name == "tap-dev-us-west-2-storage"
    assert sets[0].execution_role == "tap-dev-execution"


def test_where_nothing_stands_there_are_no_sets(rig: FleetRig) -> None:
    assert rig.observe() == ((), ())
    rig.plan()
    stacks, sets = rig.observe()
    assert [contents.stack.status for contents in stacks] == ["REVIEW_IN_PROGRESS"]
    assert sets == ()


def test_a_template_may_take_account_region_and_its_stack_s_name() -> None:
    assert set(pseudo_parameters(AccountId(ADMIN), WEST, "x")) == {"AWS::AccountId", "AWS::Region", "AWS::StackName"}


def test_a_stack_that_is_just_being_deleted_has_no_sets(rig: FleetRig) -> None:
    plan = rig.plan()
    (step,) = plan.ordinary.steps
    cloudformation = rig.clients.cloudformation(step.region)
    rig.run(lambda: call(step.stack, cloudformation.delete_stack, StackName=step.stack_arn))
    stacks, sets = rig.observe()
    assert [contents.stack.status for contents in stacks] == ["DELETE_IN_PROGRESS"]
    assert sets == ()


def test_whoever_may_not_read_the_template_is_told_so(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="GetTemplate")
    with pytest.raises(BuilderError, match="not allowed to call GetTemplate"):
        deployed.observe()


def dropped(rig: FleetRig) -> tuple[StackSet, ...]:
    """The sets that are found once the stack's template has only the first, and its update has failed."""
    rig.world.script.fails("UPDATE", "Topic", reason="limit", region=WEST, times=None)
    template = fleet_template({STORAGE: CHANGED}, preferences={"MaxConcurrentCount": 7})
    rig.execute(rig.plan(fleet_deployment(template)), allow=[f"{FLEET}/UsEast1Storage"])
    return rig.observe()[1]


def test_what_a_halted_stack_holds_and_its_template_has_no_more_needs_all_that_is_left(deployed: FleetRig) -> None:
    first, second = dropped(deployed)
    assert (first.id, second.id, second.name) == (STORAGE, "us-east-1/storage", "tap-dev-us-east-1-storage")
    assert (first.needs, second.needs) == ((), (first.id,))
    assert (second.logical_id, second.execution_role) == ("UsEast1Storage", "tap-dev-execution")
    assert second.preferences["MaxConcurrentCount"] == 7


@pytest.mark.slow
def test_of_several_that_were_dropped_the_younger_need_the_older(rig: FleetRig) -> None:
    bodies = {STORAGE: BODY, "us-east-1/table": LATER.replace("-later", "-table"), "us-east-1/storage": LATER}
    rig.deploy(fleet_deployment(fleet_template(bodies)))
    rig.world.script.fails("UPDATE", "Topic", reason="limit", region=WEST, times=None)
    plan = rig.plan(fleet_deployment(fleet_template({STORAGE: CHANGED})))
    rig.execute(plan, allow=[f"{FLEET}/UsEast1Storage", f"{FLEET}/UsEast1Table"])
    sets = {set_.id: set_.needs for set_ in rig.observe()[1]}
    assert list(sets.values()) == [tuple(list(sets)[:number]) for number in range(3)]


def test_a_dropped_set_that_somebody_has_deleted_is_none(deployed: FleetRig) -> None:
    assert len(dropped(deployed)) == 2
    client = deployed.clients.cloudformation(WEST)
    client.delete_stack_instances(
        StackSetName="tap-dev-us-east-1-storage", Accounts=list(ACCOUNTS), Regions=[EAST], RetainStacks=True
    )
    deployed.world.settle()
    client.delete_stack_set(StackSetName="tap-dev-us-east-1-storage")
    assert [set_.id for set_ in deployed.observe()[1]] == [STORAGE]


@pytest.mark.slow
def test_sets_that_two_stacks_hold_are_told_apart_and_all_go(deployed: FleetRig) -> None:
    moved = fleet_deployment(fleet_template({STORAGE: BODY.replace("}-one", "}-moved")}))
    tags = {**moved.stacks[0].tags, TAG_STACK: "us-east-1/fleet"}
    there = replace(moved.stacks[0], id=StackId("us-east-1/fleet"), region=EAST, tags=tags)
    here = deployed.deployment
    deployed.deploy(replace(moved, stacks=(there,)))
    deployed.deployment = replace(here, stacks=(*here.stacks, there))
    sets = {set_.id: set_.needs for set_ in deployed.observe()[1]}
    assert sets == {
        f"{STORAGE} of {FLEET}": (),
        "us-east-1/storage": (f"{STORAGE} of {FLEET}",),
        f"{STORAGE} of us-east-1/fleet": (),
    }
    assert fleet_exit_code(deployed.destroy()) is ExitCode.DONE
    assert deployed.world.buckets == {}


@pytest.mark.parametrize("listed", [True, False])
def test_a_set_that_failed_to_be_created_is_found_also_where_its_stack_does_not_list_it(
    rig: FleetRig, *, listed: bool
) -> None:
    rig.world.quirks.failed_creations_are_listed = listed
    rig.world.script.fails("CREATE", "Topic", reason="limit", region=WEST, times=None)
    rig.deploy(two_sets(FailureToleranceCount=0))
    _, sets = rig.observe()
    assert [set_.id for set_ in sets] == [STORAGE, "us-east-1/storage"][: len(sets)]
    assert rig.instances()
    end = rig.destroy()
    assert fleet_exit_code(end) == 0
    assert rig.instances() == ()


def test_somebody_else_s_set_that_has_the_name_is_not_taken_for_the_fleet_s(rig: FleetRig) -> None:
    """Its creation fails for the name, and the template is all that says it."""
    rig.world.quirks.failed_creations_are_listed = False
    plan = rig.plan()
    client = rig.clients.cloudformation(WEST)
    name = stack_set(STORAGE).name
    suffix: ParameterTypeDef = {"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}
    client.create_stack_set(StackSetName=name, TemplateBody=BODY, Parameters=[suffix])
    client.create_stack_instances(StackSetName=name, Accounts=[ACCOUNTS[0]], Regions=[WEST])
    rig.world.settle()
    with contextlib.suppress(BuilderError):
        rig.run(lambda: execute_unreviewed(plan.ordinary, rig.deployment, rig.clients, rig.events.append))
    stacks, sets = rig.observe()
    assert [contents.stack.status for contents in stacks] == ["CREATE_FAILED"]
    assert STORAGE not in {set_.id for set_ in sets}
    rig.destroy()
    assert len(rig.instances()) == 1
