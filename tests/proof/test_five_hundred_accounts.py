"""The plan of five hundred accounts: how many calls it takes, how long, and how many lines it is."""

import time
from collections import Counter

import pytest

from builder.report.fleet_plan import fleet_plan_text
from fake_aws import Organization, World
from fleet.rig import FleetRig
from fleet.stack_sets import ADMIN, SERVICE_MANAGED, fleet_deployment, fleet_template, shipped_bodies

ACCOUNTS = [str(700_000_000_000 + number) for number in range(500)]
PAGES = len(ACCOUNTS) // 100
SETS = 5
# Of processor time; three are what it takes where nothing else runs.
MOST_S = 10.0


@pytest.fixture(scope="module")
def deployed() -> FleetRig:
    rig = FleetRig(world=World(page_size=100))
    rig.world.organization = Organization(ADMIN)
    rig.world.organization.unit("all", *ACCOUNTS)
    rig.deploy(fleet_deployment(template(rig, shipped_bodies())))
    return rig


def template(rig: FleetRig, bodies: dict[str, str]) -> str:
    assert rig.world.organization is not None
    unit = next(unit.id for unit in rig.world.organization.units.values() if unit.name == "all")
    preferences = {"MaxConcurrentPercentage": 10, "FailureTolerancePercentage": 10}
    return fleet_template(bodies, {"OrganizationalUnitIds": [unit]}, SERVICE_MANAGED, preferences)


@pytest.mark.acceptance
def test_it_takes_some_calls_some_seconds_and_two_screens(deployed: FleetRig) -> None:
    deployed.world.calls.clear()
    bodies = {stack: body.replace("MemorySize: 256", "MemorySize: 512") for stack, body in shipped_bodies().items()}
    changed = fleet_deployment(template(deployed, bodies))
    began = time.process_time()
    plan = deployed.plan(changed)
    text = fleet_plan_text(plan).plain
    took_s = time.process_time() - began
    assert took_s < MOST_S
    assert [len(set_.updating) for set_ in plan.sets].count(500) == 2
    lines = text.splitlines()
    assert len(lines) <= 120, text
    calls = Counter(call.operation for call in deployed.world.calls)
    of_sets = {name: count for name, count in calls.items() if "StackSet" in name or "StackInstance" in name}
    assert of_sets == {"DescribeStackSet": SETS, "ListStackInstances": SETS * PAGES, "DescribeStackSetOperation": 2}
    assert calls["ListAccountsForParent"] == PAGES
    assert sum(calls.values()) < 70, calls
    print(f"{sum(calls.values())} calls, {len(lines)} lines, {took_s:.1f} s of processor time")
