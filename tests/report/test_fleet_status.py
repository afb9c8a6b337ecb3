import csv
import io
import json
from dataclasses import replace

from builder.deploy import Done, StackFailed
from builder.fleet.progress import Failure, FleetEnd, SetCancelled, SetDone, SetFailed
from builder.fleet.status import FleetOutputs, StackOutputs
from builder.report import fleet as report
from builder.terms import AccountId, Region, StackId
from fleet.stack_sets import ACCOUNTS, FLEET, WEST, sites, stack_set
from fleet.test_status import BAD, DRIFTED, EAST, ROWS, WELL

STORAGE, TABLE = StackId("us-west-2/storage"), StackId("us-east-1/table")
SITE = sites(WEST, *ACCOUNTS)[0]


def test_a_thousand_stacks_are_a_sum_a_line_a_stack_and_what_is_wrong() -> None:
    many = [replace(WELL, account=AccountId(str(100000000000 + n))) for n in range(998)]
    lines = report.fleet_status_text(
        [*many, replace(BAD, operation="UPDATE FAILED abc", detailed_status="FAILED"), DRIFTED]
    )
    assert lines.plain.splitlines() == [
        "998 of 1,000 stacks in 999 accounts are as they should be",
        "us-west-2/storage  999 CURRENT, 1 OUTDATED, 1 drifted",
        "",
        "222222222222 us-west-2 us-west-2/storage  OUTDATED (FAILED): limit  [UPDATE FAILED abc]",
        "222222222222 us-west-2 us-west-2/storage  CURRENT DRIFTED",
    ]


def test_where_too_much_is_wrong_the_rest_is_counted() -> None:
    text = report.fleet_status_text([replace(BAD, account=AccountId(str(n))) for n in range(50)]).plain
    assert "and 10 more: --failed" in text


def test_where_all_is_well_or_nothing_stands_it_is_said_in_a_line() -> None:
    assert report.fleet_status_text([WELL, EAST]).plain.startswith("2 of 2 stacks in 1 account are as they should be")
    assert report.fleet_status_text([]).plain == "no stack of the fleet stands there"


def test_json_and_csv_have_every_row() -> None:
    assert [row["status"] for row in json.loads(report.fleet_status_json(ROWS))] == [row.status for row in ROWS]
    read = list(csv.DictReader(io.StringIO(report.fleet_status_csv(ROWS))))
    assert [row["reason"] for row in read] == ["", "", "limit", ""]
    assert list(read[0])[:3] == ["account", "region", "stack"]


def test_outputs_are_a_line_each_and_who_did_not_answer_is_named() -> None:
    storage = StackOutputs(AccountId(ACCOUNTS[0]), Region("us-west-2"), STORAGE, {"Url": "https://x", "Name": "a,b"})
    outputs = FleetOutputs(stacks=(storage,), failures=(Failure(SITE, "not allowed"),))
    assert report.fleet_outputs_text(outputs).plain.splitlines() == [
        f"{ACCOUNTS[0]} us-west-2 us-west-2/storage  Url = https://x",
        f"{ACCOUNTS[0]} us-west-2 us-west-2/storage  Name = a,b",
        f"  {ACCOUNTS[0]} us-west-2: not allowed",
    ]
    assert report.fleet_outputs_text(FleetOutputs()).plain == "no outputs"
    assert report.fleet_outputs_csv(outputs).splitlines()[2] == f'{ACCOUNTS[0]},us-west-2,us-west-2/storage,Name,"a,b"'
    assert json.loads(report.fleet_outputs_json(outputs))[0]["outputs"]["Url"] == "https://x"


def test_an_end_names_every_account_that_failed_with_its_reason() -> None:
    failed = SetFailed(STORAGE, (Failure(SITE, "limit"),))
    end = FleetEnd((Done(FLEET, "UPDATE_COMPLETE"),), (failed, SetCancelled(TABLE, "x failed"), SetDone(TABLE, 2)))
    assert report.fleet_end_text(end).plain.splitlines() == [
        "us-west-2/storage: 1 stack failed",
        f"  {ACCOUNTS[0]} us-west-2: limit",
        "us-east-1/table: not started: x failed",
        "1 set done, 1 failed (1 stack), 1 not started",
        "1 done, 0 failed, 0 not started",
    ]


def test_an_end_with_many_failures_says_how_to_see_the_rest() -> None:
    failed = SetFailed(STORAGE, tuple(Failure(SITE, "limit") for _ in range(45)), reason="stopped")
    text = report.fleet_end_text(
        FleetEnd((StackFailed(FLEET, "UPDATE_FAILED", "X", "y"),), (failed, SetFailed(TABLE, (), "z")))
    ).plain
    assert "45 stacks failed: stopped" in text
    assert "and 5 more: python -m builder fleet status --failed" in text
    assert "us-east-1/table: failed: z" in text


def test_what_is_to_be_deleted_is_listed_by_set() -> None:
    assert report.deployed_text([], [stack_set()]).plain == "us-west-2/storage  tap-dev-us-west-2-storage"
