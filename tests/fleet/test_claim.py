"""A fleet's plan in the hands of somebody who writes into it what it pleases them."""

from dataclasses import replace

import pytest

from builder.errors import BadInput, Stopped
from builder.fleet.records import Aimed
from builder.terms import StackId
from fleet.rig import STORAGE, FleetRig, two_sets
from fleet.scene import ACCOUNTS, WEST, accounts, sites


@pytest.fixture
def standing() -> FleetRig:
    rig = FleetRig(deployment=two_sets(targets=accounts(*ACCOUNTS), managed=False))
    rig.deploy()
    rig.world.calls.clear()
    return rig


def test_accounts_that_leave_stop_it_whatever_the_file_says_of_them(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(*ACCOUNTS[:-1]), managed=False))
    assert plan.ordinary.guards
    harmless = tuple(replace(one, leaving=(), does="nothing", changes=()) for one in plan.sets)
    steps = tuple(replace(one, changes=()) for one in plan.ordinary.steps)
    tampered = replace(plan, sets=harmless, ordinary=replace(plan.ordinary, guards=(), steps=steps))
    with pytest.raises(Stopped, match=f"{STORAGE}/{ACCOUNTS[-1]}: the account leaves"):
        standing.execute(tampered)
    assert standing.operations("ExecuteChangeSet") == 0


def test_a_set_that_nobody_knows_is_a_wrong_input(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(*ACCOUNTS[:-1]), managed=False))
    foreign = replace(plan.sets[0].stack_set, id=StackId("us-west-2/payroll"), name="payroll")
    with pytest.raises(BadInput, match="neither in the assembly nor deployed: us-west-2/payroll"):
        standing.execute(replace(plan, sets=(replace(plan.sets[0], stack_set=foreign),)))


def test_a_repair_beyond_the_reach_of_its_set_is_not_made(standing: FleetRig) -> None:
    plan = standing.plan()
    (elsewhere,) = sites(WEST, "999999999999")
    instance = replace(standing.instances()[0], site=elsewhere)
    forged = replace(plan.sets[0], retries=(instance,), missing=(Aimed("", elsewhere),))
    standing.execute(replace(plan, sets=(forged, *plan.sets[1:])))
    assert standing.operations("UpdateStackInstances") == 0
    assert standing.operations("CreateStackInstances") == 0
