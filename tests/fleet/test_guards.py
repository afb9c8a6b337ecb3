from dataclasses import replace

import pytest

from builder.deploy.records import ResourceChange
from builder.fleet.guards import fleet_guard_hits
from builder.fleet.records import SetPlan, StackImport
from builder.terms import LogicalId
from fleet.stack_sets import ACCOUNTS, EAST, WEST, instance, instances, places, set_plan, sites

A, B, C = ACCOUNTS
HERE = sites(WEST, *ACCOUNTS)
REPLACED = ResourceChange(
    action="Modify",
    logical_id=LogicalId("Bucket"),
    type="AWS::S3::Bucket",
    replacement="True",
    policy_action="ReplaceAndDelete",
)


def test_data_that_is_replaced_in_any_instance_has_to_be_allowed_by_set_and_resource() -> None:
    (hit,) = fleet_guard_hits([set_plan(instances=instances(), updating=HERE, changes=(REPLACED,))])
    assert hit.allow == "us-west-2/storage/Bucket"
    assert "every object and version" in hit.why


def test_where_no_stack_stands_nothing_is_lost() -> None:
    assert fleet_guard_hits([set_plan(does="create", joining=HERE, changes=(REPLACED,))]) == ()


def test_an_account_that_leaves_has_to_be_allowed_by_name() -> None:
    (hit,) = fleet_guard_hits([set_plan(does="targets", instances=instances(), leaving=sites(WEST, C))])
    assert hit.allow == f"us-west-2/storage/{C}"
    assert "its stack in us-west-2 is deleted" in hit.why


def test_a_region_that_leaves_is_one_name_for_all_its_accounts() -> None:
    both = (*instances(), *instances(region=EAST))
    gone = set_plan(instances=both, updating=HERE, leaving=sites(EAST, *ACCOUNTS))
    (hit,) = fleet_guard_hits([gone])
    assert hit.allow == "us-west-2/storage/us-east-1"
    assert "in 3 accounts" in hit.why
    moved = replace(gone, leaving=(*gone.leaving, *sites(WEST, A)), updating=sites(WEST, B, C))
    assert [hit.allow for hit in fleet_guard_hits([moved])] == ["us-west-2/storage/us-east-1", f"us-west-2/storage/{A}"]


def test_an_account_whose_stack_is_made_anew_has_to_be_allowed_and_its_region_stays() -> None:
    anew = set_plan(
        does="targets", instances=instances(), leaving=HERE, joining=sites(WEST, A), missing=places(WEST, B)
    )
    guard_hits = fleet_guard_hits([anew])
    assert [hit.allow for hit in guard_hits] == [f"us-west-2/storage/{account}" for account in ACCOUNTS]
    assert ["made anew" in hit.why for hit in guard_hits] == [True, True, False]


def test_a_set_that_goes_is_for_the_ordinary_plan_to_guard() -> None:
    assert fleet_guard_hits([set_plan(does="remove", instances=(instance(A),), leaving=sites(WEST, A))]) == ()


def test_what_came_of_a_failed_creation_goes_only_when_asked() -> None:
    again = set_plan(does="create", instances=instances(), joining=HERE, leaving=HERE)
    (hit,) = fleet_guard_hits([again])
    assert hit.allow == "us-west-2/storage/UsWest2Storage"
    assert "deletes 3 stacks and what is in there" in hit.why


BACK = StackImport(site=HERE[1], stack="arn", joins=True)
UPDATED = set_plan(instances=instances(), updating=HERE)
RETARGETED = replace(UPDATED, does="targets", updating=())


@pytest.mark.parametrize(
    ("planned", "named"),
    [
        (replace(UPDATED, exposed=HERE[1:2]), [B]),
        (replace(UPDATED, imports=(BACK,)), [B]),
        (replace(UPDATED, imports=(BACK,), exposed=HERE[1:]), [B, C]),
        (replace(RETARGETED, exposed=HERE[1:2], joining=sites(WEST, A)), [B]),
        (replace(RETARGETED, exposed=HERE[1:2], reset=sites(WEST, A)), [B]),
        (replace(RETARGETED, exposed=HERE[1:2]), []),
        (replace(RETARGETED, imports=(BACK,)), []),
        (replace(UPDATED, imports=(replace(BACK, joins=False),)), []),
    ],
)
def test_a_stack_that_a_failed_update_would_take_with_its_target_has_to_be_allowed(
    planned: SetPlan, named: list[str]
) -> None:
    guard_hits = fleet_guard_hits([planned])
    assert sorted(hit.logical_id for hit in guard_hits) == named
    assert all("CloudFormation deletes it" in hit.why for hit in guard_hits)
