import json

import pytest

from builder.deploy.records import PLAN_VERSION, Plan, PlanOptions
from builder.errors import BadInput
from builder.fleet.records import FLEET_PLAN_VERSION, FleetPlan, InstanceOverride, read_fleet_plan, write_fleet_plan
from builder.terms import AccountId
from fleet.stack_sets import ACCOUNTS, ADMIN, FLEET, WEST, instance, set_plan, sites

ORDINARY = Plan(
    version=PLAN_VERSION,
    id="plan-1",
    at="2026-01-01T00:00:00+00:00",
    account=AccountId(ADMIN),
    deployment="tap-fleet-dev",
    assembly="x",
    steps=(),
    options=PlanOptions(unrolled=(FLEET,)),
)
HERE = sites(WEST, *ACCOUNTS)
PLAN = FleetPlan(
    version=FLEET_PLAN_VERSION,
    ordinary=ORDINARY,
    sets=(
        set_plan(
            instances=(instance(ACCOUNTS[0], status="OUTDATED", reason="limit"),),
            updating=HERE,
            overrides=(InstanceOverride(site=HERE[0], parameters={"Days": "3"}),),
        ),
    ),
)


def test_a_plan_is_the_same_when_it_is_read_again() -> None:
    assert read_fleet_plan(write_fleet_plan(PLAN), "fleet-plan.json") == PLAN


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version": 2, "ordinary": {}}'])
def test_what_is_no_plan_is_refused_with_the_command_that_makes_one(data: bytes) -> None:
    with pytest.raises(BadInput, match="is no fleet's plan") as caught:
        read_fleet_plan(data, "fleet-plan.json")
    assert "fleet plan" in caught.value.next_step


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"version": 1}, "plan version 1 is of an older builder, and this one reads version 2: plan again"),
        ({"version": 9}, "plan version 9 is of a newer builder"),
        ({"ordinary": json.loads(write_fleet_plan(PLAN))["ordinary"] | {"version": 1}}, "plan version 1 in it is not"),
    ],
)
def test_another_version_is_answered_with_plan_again(changed: dict[str, object], message: str) -> None:
    document = json.loads(write_fleet_plan(PLAN)) | changed
    with pytest.raises(BadInput, match=message) as caught:
        read_fleet_plan(json.dumps(document).encode(), "fleet-plan.json")
    assert caught.value.next_step == "python -m builder fleet plan -o fleet-plan.json"
