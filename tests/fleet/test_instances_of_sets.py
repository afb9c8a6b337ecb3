"""Stacks of the account that administers which are instances of a set: the set's, whatever tags they carry."""

import pytest
import yaml

from builder.deploy import PlanId, PlanRequest
from builder.deploy.desired import TAG_DEPLOYMENT
from builder.errors import Stopped
from builder.fleet import make_fleet_plan, without_instances
from builder.terms import StackName
from fleet.rig import BODY, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, FLEET, WEST, accounts, fleet_deployment, fleet_template


def untagged() -> str:
    """The fleet's template with a set that somebody has added by hand: it has no tag but those of its stack."""
    template = yaml.safe_load(fleet_template({STORAGE: BODY}, accounts(ADMIN, *ACCOUNTS)))
    for resource in template["Resources"].values():
        del resource["Properties"]["Tags"]
    return yaml.safe_dump(template)


@pytest.fixture
def by_hand(rig: FleetRig) -> FleetRig:
    """A fleet whose set passes the deployment's tag on to its instance in the account that administers."""
    rig.deploy(fleet_deployment(untagged()))
    (instance,) = (instance for instance in rig.instances() if instance.site.account == ADMIN)
    stack = rig.clients.cloudformation(WEST).describe_stacks(StackName=instance.stack)["Stacks"][0]
    assert TAG_DEPLOYMENT in {tag["Key"] for tag in stack["Tags"]}
    return rig


@pytest.mark.slow
def test_an_instance_of_a_set_without_our_tag_is_no_stack_of_the_deployment(by_hand: FleetRig) -> None:
    stacks, sets = by_hand.observe()
    assert ([contents.id for contents in stacks], len(sets)) == ([FLEET], 1)
    assert by_hand.plan().ordinary.orphans == ()


def test_it_is_not_offered_for_deletion_and_goes_or_stays_with_its_set(by_hand: FleetRig) -> None:
    end = by_hand.destroy(retain=True)
    assert [outcome.stack for outcome in end.ordinary] == [FLEET]
    assert f"tap-dev-{ADMIN}-one" in by_hand.world.buckets


def imported(rig: FleetRig) -> FleetRig:
    """One whose stack was imported: it has kept a name of its own."""
    rig.deploy(two_sets(targets=accounts(ADMIN)))
    (instance,) = rig.instances()
    own = instance.stack.replace(instance.stack.split("/")[1], "tap-dev-storage")
    state = rig.world.region(ADMIN, WEST).cloudformation
    record = state.stacks[own] = state.stacks.pop(instance.stack)
    record.id, record.name = own, "tap-dev-storage"
    (stack_set,) = (set_ for set_ in state.stack_sets.values() if (ADMIN, WEST) in set_.instances)
    stack_set.instances[ADMIN, WEST].stack_id = own
    record.deployed.tags.update({TAG_DEPLOYMENT: "tap-fleet-dev"})
    record.deployed.tags.pop("builder:fleet")
    return rig


def test_an_imported_stack_is_told_by_the_instances_of_the_fleet_s_sets(rig: FleetRig) -> None:
    stacks, sets = imported(rig).observe()
    assert {contents.stack.name for contents in stacks} == {"tap-dev-fleet", "tap-dev-storage"}
    left = rig.run(lambda: without_instances(stacks, sets, rig.clients))
    assert [contents.stack.name for contents in left] == [StackName("tap-dev-fleet")]


def test_it_is_no_orphan_and_no_plan_deletes_it(rig: FleetRig) -> None:
    imported(rig)
    assert rig.plan().ordinary.orphans == ()
    plan_id, request = PlanId(id="remove", at="2026-01-01T00:00:00+00:00"), PlanRequest(remove_orphans=True)
    with pytest.raises(Stopped, match=f"is an instance of {STORAGE}"):
        rig.run(lambda: make_fleet_plan(rig.deployment, rig.clients, plan_id, rig.events.append, request))
