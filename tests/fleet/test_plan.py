import asyncio
from typing import Any

import pytest

from builder.deploy import Deployment, PlanId
from builder.deploy.records import PlanOptions
from builder.errors import BuilderError, Stopped
from builder.fleet import make_fleet_plan
from builder.fleet.plan import unrolled_stacks
from builder.fleet.progress import SetDone
from builder.terms import AccountId, StackId
from fake_aws import Fault, Organization
from fake_aws.organizations.records import ROOT
from fleet.rig import BODY, CHANGED, REPLACED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import (
    ACCOUNTS,
    ADMIN,
    EAST,
    FLEET,
    SERVICE_MANAGED,
    WEST,
    accounts,
    fleet_deployment,
    fleet_template,
    places,
    sites,
    stack_set,
)

A, B, C = ACCOUNTS


@pytest.fixture
def child(rig: FleetRig) -> str:
    """A unit of A and B under the root, where C is."""
    rig.world.organization = made = Organization(ADMIN, unit_of={C: ROOT})
    return made.unit("child", A, B)


def of_units(*units: str, body: str = BODY, **targets: Any) -> Deployment:
    deployment_targets = {"OrganizationalUnitIds": list(units), **targets}
    return fleet_deployment(
        fleet_template({STORAGE: body}, deployment_targets, SERVICE_MANAGED, {"MaxConcurrentCount": 10})
    )


def delete_by_hand(rig: FleetRig, account: str) -> None:
    rig.clients.cloudformation(WEST).delete_stack_instances(
        StackSetName=stack_set(STORAGE).name, Accounts=[account], Regions=[WEST], RetainStacks=False
    )
    rig.world.settle()


def test_the_first_plan_creates_every_set_in_every_account(rig: FleetRig) -> None:
    plan = rig.plan()
    assert [(planned.id, planned.does) for planned in plan.sets] == [
        (STORAGE, "create"),
        ("us-east-1/storage", "create"),
    ]
    assert plan.sets[0].joining == sites(WEST, *ACCOUNTS)
    assert plan.sets[1].joining == sites(EAST, *ACCOUNTS)
    assert [change.action for change in plan.sets[0].changes] == ["Add", "Add"]
    assert plan.ordinary.options == PlanOptions(unrolled=(FLEET,))
    assert rig.operations("CreateStackSet") == 0


def test_where_nothing_differs_nothing_is_planned(deployed: FleetRig) -> None:
    plan = deployed.plan()
    assert plan.is_empty
    assert {planned.does for planned in plan.sets} == {"nothing"}
    assert [instance.status for instance in plan.sets[0].instances] == ["CURRENT"] * 3


def test_instances_in_the_account_that_administers_are_no_orphans(rig: FleetRig) -> None:
    rig.deploy(two_sets(targets=accounts(ADMIN)))
    plan = rig.plan()
    assert plan.is_empty
    assert plan.ordinary.orphans == ()


def test_a_changed_body_is_told_resource_by_resource_for_every_account(deployed: FleetRig) -> None:
    changed, untouched = deployed.plan(two_sets(CHANGED)).sets
    assert (changed.does, untouched.does) == ("update", "nothing")
    assert set(changed.updating) == set(sites(WEST, *ACCOUNTS))
    assert [(change.logical_id, change.properties[0].path) for change in changed.changes] == [
        ("Topic", "/Properties/DisplayName")
    ]


def test_a_replacement_of_data_is_stopped_until_it_is_allowed_by_set_and_resource(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(REPLACED))
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{STORAGE}/Bucket"]
    with pytest.raises(Stopped, match="Nothing was executed"):
        deployed.execute(plan)
    assert deployed.operations("ExecuteChangeSet") == 0
    deployed.execute(plan, [f"{STORAGE}/Bucket"])
    assert deployed.operations("ExecuteChangeSet") == 1


def test_an_account_that_leaves_is_stopped_until_it_is_allowed_by_name(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(A, B)))
    names = [f"{STORAGE}/{C}", f"us-east-1/storage/{C}"]
    assert [hit.allow for hit in plan.ordinary.guards] == names
    assert (plan.sets[0].does, plan.sets[0].leaving, plan.sets[0].updating) == ("targets", sites(WEST, C), ())
    deployed.execute(plan, names)
    assert [instance.site for instance in deployed.instances()] == [*sites(WEST, A, B)]


@pytest.mark.slow
def test_another_unit_around_the_same_accounts_is_stopped_since_their_stacks_are_made_anew(
    rig: FleetRig, child: str
) -> None:
    rig.deploy(of_units(child))
    before = {instance.site: instance.stack for instance in rig.instances()}
    plan = rig.plan(of_units(ROOT))
    (planned,) = plan.sets
    assert (planned.leaving, set(planned.joining)) == (sites(WEST, A, B), set(sites(WEST, *ACCOUNTS)))
    assert {hit.allow: hit.why for hit in plan.ordinary.guards} == {
        f"{STORAGE}/{account}": "other targets lead to the account than before: its stack in us-west-2 is deleted, "
        "with all that is in it, and made anew"
        for account in (A, B)
    }
    with pytest.raises(Stopped, match="made anew"):
        rig.execute(plan)
    end = rig.execute(plan, [hit.allow for hit in plan.ordinary.guards])
    assert end.sets == (SetDone(StackId(STORAGE), 3),)
    after = {instance.site: instance.stack for instance in rig.instances()}
    assert not set(before.values()) & set(after.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("account_filter", "named", "leaves"), [("DIFFERENCE", [B], (B,)), ("INTERSECTION", [B], (A,))]
)
def test_a_filter_that_leaves_an_account_out_deletes_just_its_stack(
    rig: FleetRig, child: str, account_filter: str, named: list[str], leaves: tuple[str, ...]
) -> None:
    rig.deploy(of_units(child))
    plan = rig.plan(of_units(child, Accounts=named, AccountFilterType=account_filter))
    assert (plan.sets[0].leaving, plan.sets[0].joining) == (sites(WEST, *leaves), ())
    rig.execute(plan, [f"{STORAGE}/{account}" for account in leaves])
    assert [instance.site.account for instance in rig.instances()] == [
        account for account in (A, B) if account not in leaves
    ]


@pytest.mark.slow
def test_an_account_that_moved_out_of_its_unit_leaves_with_the_unit(rig: FleetRig, child: str) -> None:
    rig.deploy(of_units(child))
    assert rig.world.organization is not None
    rig.world.organization.unit_of[B] = other = rig.world.organization.unit("other")
    assert rig.plan().is_empty
    plan = rig.plan(of_units(other))
    assert (plan.sets[0].leaving, plan.sets[0].joining) == (sites(WEST, A, B), sites(WEST, B))
    ended = rig.execute(plan, [hit.allow for hit in plan.ordinary.guards]).sets
    assert ended == (SetDone(StackId(STORAGE), 2),)


@pytest.mark.slow
def test_after_a_failed_update_who_leaves_is_read_from_what_stands(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    fewer = two_sets(CHANGED, accounts(A, B), FailureToleranceCount=0)
    names = [f"{STORAGE}/{C}", f"us-east-1/storage/{C}"]
    deployed.execute(deployed.plan(fewer), names)
    assert C in {instance.site.account for instance in deployed.instances()}, "CloudFormation has put it back"
    plan = deployed.plan(fewer)
    assert (plan.sets[0].leaving, plan.sets[0].updating) == (sites(WEST, C), sites(WEST, A, B))
    assert [hit.allow for hit in plan.ordinary.guards] == names
    assert all(isinstance(outcome, SetDone) for outcome in deployed.execute(plan, names).sets)
    assert AccountId(C) not in {instance.site.account for instance in deployed.instances()}


@pytest.mark.slow
@pytest.mark.parametrize("body", [BODY, CHANGED])
def test_an_instance_that_was_deleted_by_hand_is_planned_and_made_again(deployed: FleetRig, body: str) -> None:
    delete_by_hand(deployed, C)
    plan = deployed.plan(two_sets(body))
    assert not plan.is_empty
    assert (plan.sets[0].joining, plan.sets[0].missing) == ((), places(WEST, C))
    assert all(isinstance(outcome, SetDone) for outcome in deployed.execute(plan).sets)
    assert {instance.site.account: instance.status for instance in deployed.instances()} == dict.fromkeys(
        ACCOUNTS, "CURRENT"
    )
    assert deployed.plan().is_empty


@pytest.mark.slow
def test_an_account_that_joined_its_unit_gets_the_stack_that_nothing_else_brings(rig: FleetRig, child: str) -> None:
    rig.deploy(of_units(child))
    assert rig.world.organization is not None
    rig.world.organization.unit_of[C] = child
    plan = rig.plan(of_units(child, body=CHANGED))
    assert (plan.sets[0].joining, plan.sets[0].missing) == ((), places(WEST, C, unit=child))
    ended = rig.execute(plan).sets
    assert ended == (SetDone(StackId(STORAGE), 2), SetDone(StackId(STORAGE), 1))
    assert {instance.site.account: instance.unit for instance in rig.instances()} == dict.fromkeys(ACCOUNTS, child)


def test_a_set_that_goes_is_stopped_by_its_name_in_the_stack_that_holds_it(deployed: FleetRig) -> None:
    plan = deployed.plan(fleet_deployment(fleet_template({STORAGE: CHANGED})))
    gone = next(planned for planned in plan.sets if planned.id == "us-east-1/storage")
    assert (gone.does, set(gone.leaving)) == ("remove", set(sites(EAST, *ACCOUNTS)))
    assert f"{FLEET}/UsEast1Storage" in {hit.allow for hit in plan.ordinary.guards}


def test_an_account_that_comes_is_told_and_needs_no_leave(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS, "777788889999")))
    assert (plan.sets[0].does, plan.sets[0].joining) == ("targets", sites(WEST, "777788889999"))
    assert plan.ordinary.guards == ()


def test_only_a_stack_that_holds_sets_is_never_rolled_back() -> None:
    assert unrolled_stacks(two_sets()) == (FLEET,)


def test_a_failure_while_looking_further_takes_the_change_sets_back(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DescribeStackSet")
    with pytest.raises(BuilderError, match="not allowed to call DescribeStackSet"):
        deployed.plan(two_sets(CHANGED))
    assert deployed.operations("DeleteChangeSet") == 1


def test_a_plan_that_is_interrupted_takes_its_change_sets_back(deployed: FleetRig) -> None:
    async def interrupt_in_between() -> None:
        plan_id = PlanId(id="cut", at="2026-01-01T00:00:00+00:00")
        planning = asyncio.ensure_future(
            make_fleet_plan(two_sets(CHANGED), deployed.clients, plan_id, deployed.events.append)
        )
        while not deployed.operations("DescribeStackSet"):  # noqa: ASYNC110 - the world is looked at, it tells nobody
            await asyncio.sleep(0.01)
        planning.cancel()
        await asyncio.wait({planning})

    deployed.run(interrupt_in_between)
    assert deployed.operations("DeleteChangeSet") == 1
