from typing import Any

import pytest

from local.account import PRIMARY, SECONDARY
from local.adapter.stack_set.fleet import Fleet, waiting


def _deploy(fleet: Fleet, **preferences: Any) -> Any:
    fleet.create()
    return fleet.deploy(
        Accounts=[fleet.stranger, *fleet.targets], Regions=[PRIMARY, SECONDARY], OperationPreferences=preferences
    )


def test_a_failure_beyond_the_tolerance_cancels_what_has_not_begun(fleet: Fleet) -> None:
    operation = _deploy(fleet)
    assert operation["Status"] == "FAILED"
    assert list(fleet.results(operation).values()) == ["FAILED"] + ["CANCELLED"] * 5
    assert {one["StatusReason"] for one in fleet.instances() if one["Account"] in fleet.targets} == {
        "Cancelled since failure tolerance has exceeded"
    }
    assert [fleet.stacks(account) for account in fleet.targets] == [[], []]


@pytest.mark.parametrize("tolerance", [{"FailureToleranceCount": 1}, {"FailureTolerancePercentage": 34}])
def test_failures_are_tolerated_region_by_region(fleet: Fleet, tolerance: dict[str, int]) -> None:
    operation = _deploy(fleet, **tolerance)
    assert (operation["Status"], operation["StatusDetails"]["FailedStackInstancesCount"]) == ("SUCCEEDED", 2)
    assert [one["Status"] for one in fleet.instances()] == ["OUTDATED", "CURRENT", "CURRENT"] * 2


def test_regions_in_parallel_fail_each_by_itself(fleet: Fleet) -> None:
    operation = _deploy(fleet, RegionConcurrencyType="PARALLEL")
    assert sorted(fleet.results(operation).values()) == ["CANCELLED"] * 4 + ["FAILED"] * 2


def test_the_region_named_first_is_tried_first(fleet: Fleet) -> None:
    results = fleet.results(_deploy(fleet, RegionOrder=[SECONDARY]))
    assert results[(fleet.stranger, SECONDARY)] == "FAILED"
    assert results[(fleet.stranger, PRIMARY)] == "CANCELLED"


def test_so_many_accounts_are_tried_at_once_as_asked_for(fleet: Fleet) -> None:
    fleet.create(TemplateBody=waiting())
    made = fleet.cloudformation.create_stack_instances(
        StackSetName="set",
        Accounts=list(fleet.targets),
        Regions=[PRIMARY],
        OperationPreferences={"MaxConcurrentCount": 2, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"},
    )
    # Each waits to be let go on: that both begin shows that neither waits for the other.
    for account in reversed(fleet.targets):
        fleet.signal(account)
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"


def test_a_second_operation_repairs_only_what_failed(fleet: Fleet) -> None:
    _deploy(fleet, FailureToleranceCount=1)
    fleet.trust(fleet.stranger)
    made = fleet.cloudformation.update_stack_instances(
        StackSetName="set", Accounts=[fleet.stranger], Regions=[PRIMARY, SECONDARY]
    )
    assert len(fleet.results(fleet.wait(made["OperationId"]))) == 2
    assert {one["Status"] for one in fleet.instances()} == {"CURRENT"}
    assert all("StatusReason" not in one for one in fleet.instances())
