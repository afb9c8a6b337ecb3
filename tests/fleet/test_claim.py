"""A fleet's plan in the hands of somebody who writes into it what it pleases them."""

from dataclasses import replace

import pytest

from builder.deploy import Deployment
from builder.errors import BadInput, Stopped
from builder.fleet.progress import SetDone
from builder.fleet.records import Holding, TargetedSite
from builder.terms import Region, Site, StackId
from fleet.rig import BODY, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, WEST, accounts, fleet_deployment, fleet_template, sites


@pytest.fixture
def deployed() -> FleetRig:
    rig = FleetRig(deployment=two_sets(targets=accounts(*ACCOUNTS), managed=False))
    rig.deploy()
    rig.world.calls.clear()
    return rig


def renamed() -> Deployment:
    """The same sets, of which the first's topic has another name."""
    return two_sets(BODY.replace("DisplayName: one", "DisplayName: two"), targets=accounts(*ACCOUNTS), managed=False)


def test_accounts_that_leave_stop_it_whatever_the_file_says_of_them(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS[:-1]), managed=False))
    assert plan.ordinary.guards
    harmless = tuple(replace(planned, leaving=(), does="nothing", changes=()) for planned in plan.sets)
    steps = tuple(replace(step, changes=()) for step in plan.ordinary.steps)
    tampered = replace(plan, sets=harmless, ordinary=replace(plan.ordinary, guards=(), steps=steps))
    with pytest.raises(Stopped, match=f"{STORAGE}/{ACCOUNTS[-1]}: the account leaves"):
        deployed.execute(tampered)
    assert deployed.operations("ExecuteChangeSet") == 0


def test_a_set_that_nobody_knows_is_a_wrong_input(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS[:-1]), managed=False))
    foreign = replace(plan.sets[0].stack_set, id=StackId("us-west-2/payroll"), name="payroll")
    with pytest.raises(BadInput, match="neither in the assembly nor deployed: us-west-2/payroll"):
        deployed.execute(replace(plan, sets=(replace(plan.sets[0], stack_set=foreign),)))


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_set_that_the_file_leaves_out_or_has_twice_is_a_wrong_input(deployed: FleetRig, left: int) -> None:
    plan = deployed.plan(renamed())
    with pytest.raises(BadInput, match="the plan has to say each set once"):
        deployed.execute(replace(plan, sets=(*plan.sets, plan.sets[0])[:left]))
    assert deployed.operations("ExecuteChangeSet") == 0


@pytest.mark.slow
def test_nothing_is_asked_where_only_the_file_says_that_a_set_is_held(deployed: FleetRig) -> None:
    plan = deployed.plan(renamed())
    nowhere = Holding(StackId("nowhere"), Site(None, Region("evil.example/x")))
    forged = replace(plan.sets[0], does="create", stack_set=replace(plan.sets[0].stack_set, held_by=nowhere))
    end = deployed.execute(replace(plan, sets=(forged, *plan.sets[1:])))
    assert all(isinstance(outcome, SetDone) for outcome in end.sets)


@pytest.mark.slow
def test_a_plan_that_takes_a_set_away_can_be_executed_again(deployed: FleetRig) -> None:
    halved = fleet_deployment(fleet_template({STORAGE: BODY}, accounts(*ACCOUNTS), managed=False))
    plan = deployed.plan(halved)
    allow = {guard.allow for guard in plan.ordinary.guards}
    for _ in range(2):
        end = deployed.execute(plan, allow)
        assert all(isinstance(outcome, SetDone) for outcome in end.sets)


def test_a_repair_beyond_the_reach_of_its_set_is_not_made(deployed: FleetRig) -> None:
    plan = deployed.plan()
    (foreign_site,) = sites(WEST, "999999999999")
    instance = replace(deployed.instances()[0], site=foreign_site)
    forged = replace(plan.sets[0], retries=(instance,), missing=(TargetedSite("", foreign_site),))
    deployed.execute(replace(plan, sets=(forged, *plan.sets[1:])))
    assert deployed.operations("UpdateStackInstances") == 0
    assert deployed.operations("CreateStackInstances") == 0
