"""The table of a fleet's calls against its verbs: their lives on the fake AWS, and what they called from home."""

import asyncio
from collections.abc import Callable

import pytest

from builder.deploy import Deployment
from builder.fleet import RowFilter, detect_drift, execute_fleet, observe_fleet_outputs, observe_status, stop_operations
from builder.policy.document import Verb
from builder.policy.rights import CALLS
from fake_aws import Organization
from fleet.rig import BODY, CHANGED, STORAGE, FleetRig, halt, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, SERVICE_MANAGED, WEST, fleet_deployment, fleet_template, stack_set

Called = set[tuple[str, str]]
BASE = {
    Verb.FLEET_PLAN: Verb.PLAN,
    Verb.FLEET_EXECUTE: Verb.EXECUTE,
    Verb.FLEET_STATUS: Verb.DESTROY,
    Verb.FLEET_DRIFT: Verb.DESTROY,
    Verb.FLEET_DESTROY: Verb.DESTROY,
}


def plan_a_change(rig: FleetRig) -> None:
    rig.plan(two_sets(CHANGED), all_overrides=True)


def of_an_organization(rig: FleetRig, body: str = BODY) -> Deployment:
    """The fleet that follows an organization, instead of the one that stands."""
    if rig.world.organization is None:
        rig.destroy()
        rig.world.organization = Organization(ADMIN)
        rig.world.organization.unit("outer", *ACCOUNTS)
    unit = next(unit.id for unit in rig.world.organization.units.values() if unit.name == "outer")
    template = fleet_template({STORAGE: body}, {"OrganizationalUnitIds": [unit]}, SERVICE_MANAGED)
    return fleet_deployment(template)


def suspend_one(rig: FleetRig) -> None:
    """Have one of the organization's accounts suspended, and a change gone past it."""
    rig.deploy(of_an_organization(rig))
    assert rig.world.organization is not None
    rig.world.organization.suspended.add(ACCOUNTS[0])
    rig.deploy(of_an_organization(rig, CHANGED))
    rig.world.calls.clear()


def plan_for_who_comes_back(rig: FleetRig) -> None:
    rig.drop(ACCOUNTS[0], retain=True)
    rig.world.calls.clear()
    rig.plan()


def execute_for_who_comes_back(rig: FleetRig) -> None:
    rig.drop(ACCOUNTS[0], retain=True)
    rig.clients.cloudformation(WEST).create_stack_instances(
        StackSetName=stack_set(STORAGE).name, Accounts=[ACCOUNTS[0]], Regions=[WEST]
    )
    rig.world.settle()
    plan = rig.plan()
    rig.world.calls.clear()
    rig.execute(plan)


def plan_for_an_organization(rig: FleetRig) -> None:
    deployment = of_an_organization(rig)
    rig.world.calls.clear()
    rig.plan(deployment)


def execute_past_a_suspended_account(rig: FleetRig) -> None:
    rig.deploy(of_an_organization(rig))
    plan = rig.plan(of_an_organization(rig, CHANGED))
    assert rig.world.organization is not None
    rig.world.organization.suspended.add(ACCOUNTS[0])
    rig.world.calls.clear()
    rig.execute(plan)


def look_past_a_suspended_account(rig: FleetRig) -> None:
    suspend_one(rig)
    _, sets = rig.observe()
    rig.run(lambda: observe_status(sets, rig.clients, RowFilter()))


def destroy_past_a_suspended_account(rig: FleetRig) -> None:
    suspend_one(rig)
    rig.destroy()


def execute_a_change_and_repair_what_failed(rig: FleetRig) -> None:
    rig.world.script.fails("UPDATE", "Topic", reason="not now", account=ACCOUNTS[0], region=WEST)
    for _ in range(2):
        plan = rig.plan(two_sets(CHANGED))
        rig.world.calls.clear()
        rig.execute(plan)


def make_up_for_what_was_deleted_by_hand(rig: FleetRig) -> None:
    rig.clients.cloudformation(WEST).delete_stack_instances(
        StackSetName=stack_set(STORAGE).name, Accounts=[ACCOUNTS[0]], Regions=[WEST], RetainStacks=False
    )
    rig.world.settle()
    plan = rig.plan()
    rig.world.calls.clear()
    rig.execute(plan)


def execute_a_change_and_stop_it(rig: FleetRig) -> None:
    rig.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = rig.plan(two_sets(CHANGED))
    rig.world.calls.clear()
    deployed, _ = rig.observe()
    rig.world.calls.clear()

    async def stop_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, rig.trusted, rig.clients, rig.events.append))
        await asyncio.sleep(30)
        await stop_operations(deployed, rig.clients, rig.events.append)
        await running

    rig.run(stop_in_between)


def look_at_status_and_outputs(rig: FleetRig) -> None:
    _, sets = rig.observe()
    rig.run(lambda: observe_status(sets, rig.clients, RowFilter()))
    rig.run(lambda: observe_fleet_outputs(sets, rig.clients, RowFilter(), None))


def look_at_what_a_failed_update_left(rig: FleetRig) -> None:
    halt(rig)
    rig.world.calls.clear()
    look_at_status_and_outputs(rig)


def stop_after_a_failed_update(rig: FleetRig) -> None:
    halt(rig)
    deployed, _ = rig.observe()
    rig.world.calls.clear()
    rig.run(lambda: stop_operations(deployed, rig.clients, rig.events.append))


def destroy_what_a_failed_update_left(rig: FleetRig) -> None:
    halt(rig)
    rig.world.calls.clear()
    rig.destroy()


def drop_an_account_of_each_kind(rig: FleetRig) -> None:
    rig.world.forbidden_roles.add(f"arn:aws:iam::{ACCOUNTS[1]}:role/tap-dev-execution")
    rig.drop(ACCOUNTS[0], role="cleaner")
    rig.drop(ACCOUNTS[1])


def drop_a_suspended_account(rig: FleetRig) -> None:
    suspend_one(rig)
    rig.drop(ACCOUNTS[0])


def destroy_with_a_role(rig: FleetRig) -> None:
    rig.destroy(role="cleaner")


def detect_what_drifted(rig: FleetRig) -> None:
    _, sets = rig.observe()
    stack = next(instance.stack for instance in rig.instances() if instance.site.account == ACCOUNTS[0])
    rig.world.stack(stack.split("/")[1], account=ACCOUNTS[0], region=WEST).drifts("Topic", DisplayName="by hand")
    rig.world.calls.clear()
    rig.run(lambda: detect_drift(sets, rig.clients, "drift", rig.events.append))


def detect_past_a_suspended_account(rig: FleetRig) -> None:
    suspend_one(rig)
    _, sets = rig.observe()
    rig.run(lambda: detect_drift(sets, rig.clients, "drift", rig.events.append))


def find_what_a_failed_update_left(rig: FleetRig) -> None:
    halt(rig)
    rig.world.calls.clear()
    rig.observe()


LIVES: dict[Verb, tuple[Callable[[FleetRig], None], ...]] = {
    Verb.FLEET_PLAN: (plan_a_change, plan_for_an_organization, plan_for_who_comes_back),
    Verb.FLEET_EXECUTE: (
        execute_a_change_and_repair_what_failed,
        make_up_for_what_was_deleted_by_hand,
        execute_for_who_comes_back,
        execute_a_change_and_stop_it,
        execute_past_a_suspended_account,
        stop_after_a_failed_update,
    ),
    Verb.FLEET_DRIFT: (detect_what_drifted, detect_past_a_suspended_account, find_what_a_failed_update_left),
    Verb.FLEET_STATUS: (
        look_at_status_and_outputs,
        look_at_what_a_failed_update_left,
        look_past_a_suspended_account,
    ),
    Verb.FLEET_DESTROY: (
        destroy_with_a_role,
        destroy_what_a_failed_update_left,
        destroy_past_a_suspended_account,
        drop_an_account_of_each_kind,
        drop_a_suspended_account,
    ),
}


def lived(verb: Verb) -> Called:
    called: Called = set()
    for life in LIVES[verb]:
        rig = FleetRig()
        rig.have_deployed()
        life(rig)
        called |= {(call.service, call.operation) for call in rig.world.calls if call.account == ADMIN}
    return called


@pytest.mark.proof
@pytest.mark.parametrize("verb", list(LIVES))
def test_the_table_has_every_call_of_a_fleet_s_verb_and_of_the_sets_no_other(verb: Verb) -> None:
    listed = {(call.service, call.operation) for call in CALLS[verb]}
    called = lived(verb)
    assert called <= listed
    assert listed - {(call.service, call.operation) for call in CALLS[BASE[verb]]} <= called
