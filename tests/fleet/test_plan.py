import asyncio

import pytest

from builder.deploy import Seal
from builder.deploy.records import Options
from builder.errors import BuilderError, Stopped
from builder.fleet import make_fleet_plan
from builder.fleet.plan import unrolled_stacks
from fake_aws import Fault
from fleet.rig import CHANGED, REPLACED, STORAGE, FleetRig, two_sets
from fleet.scene import ACCOUNTS, ADMIN, EAST, FLEET, WEST, accounts, fleet_deployment, fleet_template, sites

A, B, C = ACCOUNTS


def test_the_first_plan_creates_every_set_in_every_account(rig: FleetRig) -> None:
    plan = rig.plan()
    assert [(one.id, one.does) for one in plan.sets] == [(STORAGE, "create"), ("us-east-1/storage", "create")]
    assert plan.sets[0].joining == sites(WEST, *ACCOUNTS)
    assert plan.sets[1].joining == sites(EAST, *ACCOUNTS)
    assert [change.action for change in plan.sets[0].changes] == ["Add", "Add"]
    assert plan.ordinary.options == Options(unrolled=(FLEET,))
    assert rig.operations("CreateStackSet") == 0


def test_where_nothing_differs_nothing_is_planned(standing: FleetRig) -> None:
    plan = standing.plan()
    assert plan.is_empty
    assert {one.does for one in plan.sets} == {"nothing"}
    assert [one.status for one in plan.sets[0].instances] == ["CURRENT"] * 3


def test_instances_in_the_account_that_administers_are_no_orphans(rig: FleetRig) -> None:
    rig.deploy(two_sets(targets=accounts(ADMIN)))
    plan = rig.plan()
    assert plan.is_empty
    assert plan.ordinary.orphans == ()


def test_a_changed_body_is_told_resource_by_resource_for_every_account(standing: FleetRig) -> None:
    changed, untouched = standing.plan(two_sets(CHANGED)).sets
    assert (changed.does, untouched.does) == ("update", "nothing")
    assert set(changed.updating) == set(sites(WEST, *ACCOUNTS))
    assert [(one.logical_id, one.properties[0].path) for one in changed.changes] == [
        ("Topic", "/Properties/DisplayName")
    ]


def test_a_replacement_of_data_is_stopped_until_it_is_allowed_by_set_and_resource(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(REPLACED))
    assert [trip.allow for trip in plan.ordinary.guards] == [f"{STORAGE}/Bucket"]
    with pytest.raises(Stopped, match="Nothing was executed"):
        standing.execute(plan)
    assert standing.operations("ExecuteChangeSet") == 0
    standing.execute(plan, [f"{STORAGE}/Bucket"])
    assert standing.operations("ExecuteChangeSet") == 1


def test_an_account_that_leaves_is_stopped_until_it_is_allowed_by_name(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(A, B)))
    names = [f"{STORAGE}/{C}", f"us-east-1/storage/{C}"]
    assert [trip.allow for trip in plan.ordinary.guards] == names
    assert (plan.sets[0].does, plan.sets[0].leaving, plan.sets[0].updating) == ("targets", sites(WEST, C), ())
    standing.execute(plan, names)
    assert [one.site for one in standing.instances()] == [*sites(WEST, A, B)]


def test_a_set_that_goes_is_stopped_by_its_name_in_the_stack_that_holds_it(standing: FleetRig) -> None:
    plan = standing.plan(fleet_deployment(fleet_template({STORAGE: CHANGED})))
    gone = next(one for one in plan.sets if one.id == "us-east-1/storage")
    assert (gone.does, set(gone.leaving)) == ("remove", set(sites(EAST, *ACCOUNTS)))
    assert f"{FLEET}/UsEast1Storage" in {trip.allow for trip in plan.ordinary.guards}


def test_an_account_that_comes_is_told_and_needs_no_leave(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(*ACCOUNTS, "777788889999")))
    assert (plan.sets[0].does, plan.sets[0].joining) == ("targets", sites(WEST, "777788889999"))
    assert plan.ordinary.guards == ()


def test_only_a_stack_that_holds_sets_is_never_rolled_back() -> None:
    assert unrolled_stacks(two_sets()) == (FLEET,)


def test_a_failure_while_looking_further_takes_the_change_sets_back(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.DENIED, operation="DescribeStackSet")
    with pytest.raises(BuilderError, match="not allowed to call DescribeStackSet"):
        standing.plan(two_sets(CHANGED))
    assert standing.operations("DeleteChangeSet") == 1


def test_a_plan_that_is_interrupted_takes_its_change_sets_back(standing: FleetRig) -> None:
    async def interrupt_in_between() -> None:
        seal = Seal(id="cut", at="2026-01-01T00:00:00+00:00")
        planning = asyncio.ensure_future(
            make_fleet_plan(two_sets(CHANGED), standing.clients, seal, standing.events.append)
        )
        while not standing.operations("DescribeStackSet"):  # noqa: ASYNC110 - the world is looked at, it tells nobody
            await asyncio.sleep(0.01)
        planning.cancel()
        await asyncio.wait({planning})

    standing.run(interrupt_in_between)
    assert standing.operations("DeleteChangeSet") == 1
