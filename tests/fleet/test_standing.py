import pytest

from builder.deploy import discard_plan
from builder.errors import BuilderError
from builder.fleet.standing import pseudo_parameters
from builder.terms import AccountId
from fake_aws import Fault
from fleet.rig import STORAGE, FleetRig
from fleet.scene import ADMIN, FLEET, WEST


def test_the_sets_are_those_of_the_deployed_template_whatever_the_assembly_has_now(standing: FleetRig) -> None:
    stacks, sets = standing.standing()
    assert [one.id for one in stacks] == [FLEET]
    assert [one.id for one in sets] == [STORAGE, "us-east-1/storage"]
    assert sets[0].name == "tap-dev-us-west-2-storage"
    assert sets[0].execution_role == "tap-dev-execution"


def test_where_nothing_stands_there_are_no_sets(rig: FleetRig) -> None:
    assert rig.standing() == ((), ())
    rig.plan()
    stacks, sets = rig.standing()
    assert [one.stack.status for one in stacks] == ["REVIEW_IN_PROGRESS"]
    assert sets == ()


def test_a_template_may_take_account_region_and_its_stack_s_name() -> None:
    assert set(pseudo_parameters(AccountId(ADMIN), WEST, "x")) == {"AWS::AccountId", "AWS::Region", "AWS::StackName"}


def test_a_stack_that_is_just_being_deleted_has_no_sets(rig: FleetRig) -> None:
    plan = rig.plan()
    rig.run(lambda: discard_plan(plan.ordinary, rig.clients))
    stacks, sets = rig.standing()
    assert [one.stack.status for one in stacks] == ["DELETE_IN_PROGRESS"]
    assert sets == ()


def test_whoever_may_not_read_the_template_is_told_so(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.DENIED, operation="GetTemplate")
    with pytest.raises(BuilderError, match="not allowed to call GetTemplate"):
        standing.standing()
