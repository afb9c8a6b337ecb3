"""What a fleet cannot have: each broken file with the whole text of its errors."""

import textwrap
from typing import Any

import pytest
import yaml

from builder.config.between import fleet_faults, pace_notes
from config.project import GOOD, HERE, Project

BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken_fleet.yaml").read_text())
THREE = ["444455556666", "555566667777", "666677778888"]
SELF_MANAGED = {"permission_model": "self-managed", "accounts": THREE}
SERVICE_MANAGED = {"permission_model": "service-managed", "organizational_units": ["ou-ab12-11112222"]}


def keys(section: dict[str, Any], primary: object = "us-east-1") -> list[tuple[str | int, ...]]:
    return [fault.place[1:] for fault in fleet_faults(section, primary)]


@pytest.mark.parametrize("broken", BROKEN, ids=[broken["claim"] for broken in BROKEN])
def test_a_broken_fleet_is_told(dr: Project, broken: dict[str, Any]) -> None:
    dr.write(GOOD + "fleet:\n" + textwrap.indent(broken["fleet"], "  "))

    assert dr.errors() == broken["told"]


def test_the_table_of_broken_fleets_is_a_long_one() -> None:
    assert len(BROKEN) >= 30
    assert all(broken["told"] for broken in BROKEN)


@pytest.mark.parametrize(
    "section",
    [
        SELF_MANAGED,
        SERVICE_MANAGED,
        {**SELF_MANAGED, "call_as": "self", "account_filter": "none"},
        {**SELF_MANAGED, "administration_role": "admin-${EnvironmentSuffix}" + "x" * 60},
        {**SELF_MANAGED, "operations": {"failure_tolerance": 3, "max_concurrent": 4}},
        {**SELF_MANAGED, "operations": {"failure_tolerance": "34%", "max_concurrent": "67%"}},
        {**SELF_MANAGED, "operations": {"max_concurrent": "100%", "concurrency_mode": "soft"}},
        {**SELF_MANAGED, "admin_region": "us-east-1"},
        {**SERVICE_MANAGED, "operations": {"failure_tolerance": 9, "max_concurrent": "100%"}},
        {**SERVICE_MANAGED, "accounts": THREE, "account_filter": "difference"},
        {**SERVICE_MANAGED, "auto_deployment": {"enabled": True, "retain_stacks": True}},
        {**SERVICE_MANAGED, "call_as": "delegated_admin", "administration_account": "111122223333"},
    ],
)
def test_what_aws_takes_is_not_refused(section: dict[str, Any]) -> None:
    assert keys(section) == []


@pytest.mark.parametrize(
    "section",
    [
        {},
        {**SELF_MANAGED, "operations": [], "admin_region": 1, "execution_role": []},
        {**SELF_MANAGED, "accounts": {"a": 1}},
        {**SELF_MANAGED, "operations": {"failure_tolerance": None, "max_concurrent": []}},
        {**SELF_MANAGED, "operations": {"failure_tolerance": True, "max_concurrent": "many"}},
        {**SERVICE_MANAGED, "accounts": [None, {}, []], "account_filter": 1, "administration_account": None},
    ],
)
def test_what_is_of_the_wrong_kind_is_left_to_others(section: dict[str, Any]) -> None:
    assert keys(section, primary=None) == []


def test_a_filter_to_a_few_accounts_says_how_many_there_are() -> None:
    filtered = {**SERVICE_MANAGED, "accounts": THREE, "account_filter": "intersection"}

    assert keys({**filtered, "operations": {"failure_tolerance": 4}}) == [("operations", "failure_tolerance")]
    assert keys({**filtered, "account_filter": "difference", "operations": {"failure_tolerance": 4}}) == []


def test_a_region_of_another_partition_is_told_only_against_one_that_is_known() -> None:
    assert keys({**SELF_MANAGED, "admin_region": "cn-north-1"}) == [("admin_region",)]
    assert keys({**SELF_MANAGED, "admin_region": "cn-north-1"}, "nowhere") == []


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        (
            {"accounts": ["1" * 12] * 500},
            "500 accounts, one account at a time: a change of one StackSet takes",
        ),
        ({"accounts": ["1" * 12] * 29}, ""),
        ({"accounts": ["1" * 12] * 500, "operations": {"failure_tolerance": "5%", "max_concurrent": "5%"}}, ""),
        (
            {"organizational_units": ["ou-1"], "operations": {"max_concurrent": "25%"}},
            "one account at a time",
        ),
        ({"organizational_units": ["ou-1"], "operations": {"max_concurrent": "9%", "failure_tolerance": "5%"}}, ""),
        (
            {"organizational_units": ["ou-1"], "operations": {"max_concurrent": "9%", "concurrency_mode": "soft"}},
            "",
        ),
    ],
)
def test_what_works_slowly_is_told_where_the_file_alone_says_so(fleet: dict[str, object], message: str) -> None:
    notes = pace_notes({"permission_model": "self-managed", **fleet})
    assert bool(notes) == bool(message)
    assert all(message in note for note in notes)
