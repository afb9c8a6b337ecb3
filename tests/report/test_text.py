from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from builder.deploy.progress import Cancelled, Done, InProgress, Outcome, ReviewRequired, StackFailed, Superseded
from builder.deploy.records import Orphan, PendingReview, Plan, PostponedStack, PropertyChange
from builder.report import markdown, text
from builder.terms import Arn, Region, StackId
from report.sample import FUNCTION, REPLACED, SERVICE, TABLE, change, deferred, hit, plan, step

PLAN = plan(
    step(SERVICE, changes=(FUNCTION,)),
    step(TABLE, changes=(REPLACED,), risk="replace"),
    unchanged=(StackId("us-west-2/storage"),),
)


def test_the_riskiest_step_comes_first_and_shows_what_is_replaced() -> None:
    shown = text.plan_text(PLAN).plain
    assert shown.index("us-east-1/table") < shown.index("us-east-1/service")
    assert "~ Table  AWS::DynamoDB::GlobalTable  replaced" in shown
    assert "Properties.MemorySize: 128 -> 256" in shown
    assert "https://console" in shown
    assert "unchanged: us-west-2/storage" in shown


def test_what_stops_it_and_the_summary_are_what_is_read_last() -> None:
    pending = PendingReview(stack=TABLE, change_set=Arn("arn:theirs"), created="then", allow="us-east-1/table/x")
    shown = text.plan_text(replace(PLAN, guards=(hit(TABLE, "Table"),), pending=(pending,))).plain
    assert shown.endswith(
        "stops until allowed by name:\n"
        "  --allow us-east-1/table/Table    every item goes\n"
        "  --allow us-east-1/table/x    another change set waits for review there and would be deleted: arn:theirs\n\n"
        "0 to create, 2 to update (1 replacement), 1 unchanged"
    )


def test_what_is_lost_is_red_and_what_is_new_is_green() -> None:
    new = step("r/new", risk="create", changes=(change("Role", action="Add"),))
    shown = text.plan_text(plan(step(TABLE, changes=(REPLACED,), risk="replace"), new))
    styles = {shown.plain[span.start : span.end].strip(): str(span.style) for span in shown.spans}
    assert (styles["~ Table"], styles["replaced"], styles["+ Role"]) == ("red", "bold red", "green")


def test_a_plan_without_steps_says_so() -> None:
    assert "No changes: its only stack is as it should be." in text.plan_text(replace(PLAN, steps=()))


def test_losses_warnings_findings_and_strays_are_told() -> None:
    losing = change("Table", losses=("the replica in us-west-2",), warnings=("recovery is switched off",))
    shown = text.plan_text(
        plan(
            step(TABLE, changes=(losing,), findings=("WARN Table is odd",)),
            orphans=(Orphan(stack=StackId("us-east-1/tap-dev-old"), region=Region("us-east-1")),),
            left_out=(StackId("eu-west-1/service"),),
        )
    )
    for line in (
        "      loses the replica in us-west-2",
        "      warning: recovery is switched off",
        "  validation: WARN Table is odd",
        "not in the assembly any more, left alone: us-east-1/tap-dev-old",
        "in a skipped region, left out: eu-west-1/service",
    ):
        assert line in shown.plain.splitlines()


def test_what_is_postponed_is_not_taken_for_the_skipped_region_s() -> None:
    waiting = PostponedStack(stack=StackId("us-west-2/storage"), because=("its role: IAM is lost", "its rules: S3 is"))
    shown = text.plan_text(plan(step(TABLE, console=""), left_out=(SERVICE,), postponed=(waiting,))).plain
    assert (
        "in a skipped region, left out: us-east-1/service\n\n"
        "postponed until the skipped region answers again:\n"
        "  us-west-2/storage\n"
        "    its role: IAM is lost\n"
        "    its rules: S3 is\n\n"
        "0 to create, 1 to update, 0 unchanged, 1 left out, 1 postponed"
    ) in shown


def test_what_is_made_later_says_so_and_why() -> None:
    shown = text.plan_text(plan(step(TABLE), deferred(TABLE, part=2, changes=(REPLACED,)))).plain
    assert "us-east-1/table (2)  update, later  (tap-dev-y)\n  its change set is made during the execution" in shown
    assert "only its outputs change" in shown


def test_hundreds_of_unchanged_stacks_are_counted() -> None:
    many = tuple(StackId(f"r/{number}") for number in range(500))
    assert "r/10, r/11 and 488 more" in text.plan_text(replace(PLAN, unchanged=many))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (None, "x" * 100, f"P: (none) -> {'x' * 60}…"),
        ("a\nb", "\x1b[31m", "P: a b -> \\x1b[31m"),
        (None, None, "P"),
    ],
)
def test_values_are_one_short_line_that_no_terminal_obeys(before: str | None, after: str, line: str) -> None:
    touched = change(properties=(PropertyChange(path="P", before=before, after=after),))
    assert f"      {line}" in text.plan_text(plan(step(TABLE, changes=(touched,)))).plain.splitlines()


@pytest.mark.parametrize("shown", [text.plan_text, partial(markdown.plan_markdown, file="plan.json")])
def test_a_change_of_a_value_is_shown_once_whatever_its_reasons(shown: Callable[[Plan], object]) -> None:
    once = PropertyChange(path="/Properties/Rules", before="a", after="b")
    again = replace(once, recreation="Always", follows="Role")
    twice = change(properties=(once, again, replace(once, after="c")))
    assert str(shown(plan(step(TABLE, changes=(twice,))))).count("/Properties/Rules") == 2


def test_outcomes_name_what_did_not_end_well() -> None:
    ended: list[Outcome] = [
        Done(StackId("a"), "CREATE_COMPLETE"),
        StackFailed(TABLE, "ROLLBACK_COMPLETE", "Table (T)", "limit"),
        StackFailed(StackId("b"), "", "", "no answer"),
        Cancelled(SERVICE, because="table failed"),
        Superseded(StackId("c"), by="its change set is gone"),
        InProgress(StackId("e"), because="CloudFormation goes on with it"),
        ReviewRequired(StackId("d"), step("d"), ("Modify Table", "Add Role")),
    ]
    assert text.outcomes_text(ended).plain == (
        "us-east-1/table: ROLLBACK_COMPLETE: Table (T): limit\n"
        "b: failed: no answer\n"
        "us-east-1/service: not started: table failed\n"
        "c: superseded: its change set is gone\n"
        "e: in progress: CloudFormation goes on with it\n"
        "d: its change set shows more than was expected, and waits for review:\n"
        "    Modify Table\n    Add Role\n"
        "1 done, 2 failed, 1 not started, 1 superseded, 1 in progress, 1 to review"
    )


@pytest.mark.parametrize(
    ("ended", "style"),
    [
        (Done(TABLE, "CREATE_COMPLETE"), "bold green"),
        (Cancelled(TABLE, because="interrupted"), "bold"),
        (StackFailed(TABLE, "", "", "no answer"), "bold red"),
    ],
)
def test_the_colour_of_the_last_line_says_how_it_ended(ended: Outcome, style: str) -> None:
    assert text.outcomes_text([ended]).spans[-1].style == style
