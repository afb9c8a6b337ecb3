from typing import Any

import pytest

from builder.errors import BadInput
from builder.fleet.records import Targets
from builder.fleet.targets import Organization, choose_targets, targeted_sites, units_of, with_departed
from builder.terms import AccountId
from fleet.stack_sets import EAST, WEST, instance, places, sites, stack_set

A, B, C, GONE, BOSS = (AccountId(letter * 12) for letter in "12345")
ORGANIZATION = Organization(
    management=BOSS,
    members={"ou-1": (A, B, GONE), "ou-2": (C,), "r-1": (A, B, C, GONE, BOSS)},
    inactive={GONE: "CLOSED"},
)
SERVICE, SELF = stack_set(is_service_managed=True), stack_set()


def targets(*units: str, accounts: tuple[AccountId, ...] = (), account_filter: Any = "NONE") -> Targets:
    return Targets(accounts=accounts, units=units, filter=account_filter, regions=(WEST,))


@pytest.mark.parametrize(
    ("target", "accounts"),
    [
        (targets("ou-1"), (A, B)),
        (targets("ou-1", "ou-2"), (A, B, C)),
        (targets("ou-1", accounts=(B, C), account_filter="INTERSECTION"), (B,)),
        (targets("ou-1", accounts=(B,), account_filter="DIFFERENCE"), (A,)),
        (targets("ou-1", accounts=(C,), account_filter="UNION"), (A, B, C)),
        (targets("r-1", accounts=(BOSS,), account_filter="DIFFERENCE"), (A, B, C)),
        (targets("ou-3"), ()),
    ],
)
def test_units_and_accounts_come_together_as_the_filter_says(target: Targets, accounts: tuple[str, ...]) -> None:
    assert choose_targets(SERVICE, (target,), ORGANIZATION).sites == sites(WEST, *accounts)


def test_who_is_left_out_is_said_with_the_reason() -> None:
    chosen = choose_targets(SERVICE, (targets("r-1"),), ORGANIZATION)
    assert chosen.sites == sites(WEST, A, B, C)
    assert chosen.remarks == (
        f"{GONE} is left out: it is CLOSED",
        f"{BOSS} is left out: it is the organisation's management account",
    )


@pytest.mark.parametrize("account_filter", ["INTERSECTION", "UNION"])
def test_a_service_managed_set_that_names_the_management_account_is_refused(account_filter: str) -> None:
    with pytest.raises(BadInput, match="management account") as caught:
        choose_targets(SERVICE, (targets("ou-1", accounts=(BOSS,), account_filter=account_filter),), ORGANIZATION)
    assert "render" in caught.value.next_step


def test_a_self_managed_set_goes_where_it_is_sent_in_every_region() -> None:
    target = Targets(accounts=(A, BOSS), regions=(EAST, WEST))
    assert choose_targets(SELF, (target,), ORGANIZATION).sites == (*sites(EAST, A, BOSS), *sites(WEST, A, BOSS))


def test_a_place_is_aimed_at_by_each_target_that_leads_there_who_is_left_out_included() -> None:
    target = targets("ou-1", "r-1", accounts=(B, GONE), account_filter="INTERSECTION")
    assert targeted_sites((target, target), ORGANIZATION) == (
        *places(WEST, B, GONE, unit="ou-1"),
        *places(WEST, B, GONE, unit="r-1"),
    )
    assert targeted_sites((targets(accounts=(A,)),), ORGANIZATION) == places(WEST, A)


def test_an_account_that_has_left_a_unit_is_aimed_at_by_it_as_long_as_its_instance_is() -> None:
    here = [instance(A, unit="ou-1"), instance(C, unit="ou-1"), instance(B)]
    known = with_departed(ORGANIZATION, here)
    assert targeted_sites((targets("ou-1"),), known) == places(WEST, A, B, GONE, C, unit="ou-1")
    assert targeted_sites((targets("ou-2"),), known) == places(WEST, C, unit="ou-2")


def test_units_are_asked_for_once() -> None:
    assert units_of([(targets("ou-1"), targets("ou-2")), (targets("ou-1"),)]) == ("ou-1", "ou-2")
