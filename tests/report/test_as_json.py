import json
from datetime import UTC, datetime

from builder.deploy.progress import Done, InProgress, StackFailed, StatusChange, Superseded
from builder.deploy.records import PendingReview, PostponedStack
from builder.report import as_json
from builder.terms import Arn, StackId
from report.sample import REPLACED, TABLE, hit, plan, step

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_event_is_one_line_that_begins_with_its_kind_and_time() -> None:
    line = as_json.event(StatusChange(StackId("us-east-1/table"), "CREATE_COMPLETE"), AT)
    assert line == (
        '{"event": "stack.status", "at": "2026-01-01T00:00:00.000Z", '
        '"stack": "us-east-1/table", "status": "CREATE_COMPLETE"}'
    )


def test_the_end_of_a_run_holds_every_outcome() -> None:
    line = as_json.ended([Done(StackId("a"), "ok"), StackFailed(StackId("b"), "s", "r", "why")], AT)
    assert [step["outcome"] for step in json.loads(line)["steps"]] == ["succeeded", "failed"]


def test_a_step_that_is_not_waited_for_and_one_that_is_superseded_have_words_of_their_own() -> None:
    line = as_json.ended([InProgress(TABLE, because="it takes long"), Superseded(TABLE, by="them")], AT)
    assert json.loads(line)["steps"] == [
        {"outcome": "in_progress", "stack": TABLE, "because": "it takes long", "next_step": ""},
        {"outcome": "superseded", "stack": TABLE, "by": "them", "next_step": ""},
    ]


def test_a_plan_says_what_is_postponed_and_why() -> None:
    waiting = PostponedStack(stack=TABLE, because=("its role", "its rules"))
    made = json.loads(as_json.made(plan(postponed=(waiting,)), AT))
    assert (made["tally"]["postponed"], made["postponed"]) == (1, {TABLE: ["its role", "its rules"]})


def test_a_plan_is_its_counts_and_what_it_stops_at_each_named_once() -> None:
    theirs = PendingReview(stack=TABLE, change_set=Arn("arn:theirs"), created="then", allow="us-east-1/table/x")
    guards = (hit(TABLE, "Table"), hit(TABLE, "Table"))
    made = json.loads(as_json.made(plan(step(TABLE, changes=(REPLACED,)), guards=guards, pending=(theirs,)), AT))
    assert made["event"] == "plan.made"
    assert made["tally"] == {
        "create": 0, "update": 1, "replacements": 1, "removals": 0, "delete": 0, "unchanged": 0, "left_out": 0,
        "upload": 0, "postponed": 0,
    }  # fmt: skip
    assert made["allow"] == ["us-east-1/table/Table", "us-east-1/table/x"]
