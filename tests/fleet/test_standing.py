from builder.fleet.standing import pseudo_parameters
from builder.terms import AccountId
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
