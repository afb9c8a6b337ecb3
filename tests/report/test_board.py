import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from builder.deploy import progress
from builder.fleet.progress import FleetProgress, InstanceFailed, SetProgress
from builder.report.board import Board, duration_text
from builder.terms import AccountId, Region, StackId
from report.sample import SERVICE, TABLE

START = datetime(2026, 1, 1, tzinfo=UTC)
BUCKET = StackId("us-west-2/storage")
REGIONS = 17
MANY = tuple(StackId(f"region-{number % REGIONS}/stack-{number:03}") for number in range(500))


def board(*events: FleetProgress) -> Board:
    """A board that was told an event a second."""
    made = Board(started=START)
    for second, event in enumerate(events):
        made.take(event, START + timedelta(seconds=second))
    return made


def shown(board: Board, *, seconds: float = 90, width: int = 100, height: int = 24) -> list[str]:
    screen = io.StringIO()
    console = Console(file=screen, width=width, height=height)
    console.print(board.frame(START + timedelta(seconds=seconds), width, height))
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_every_stack_has_a_line_by_region_with_status_resource_and_time() -> None:
    lines = shown(
        board(
            progress.RunBegun("execute", (TABLE, SERVICE, BUCKET)),
            progress.Started(TABLE, "UPDATE"),
            progress.StatusChange(TABLE, "UPDATE_IN_PROGRESS"),
            progress.ResourceProgress(TABLE, "Table (AWS::DynamoDB::GlobalTable)", "UPDATE_IN_PROGRESS"),
            progress.Started(BUCKET, "CREATE"),
            progress.Finished(BUCKET, "CREATE_COMPLETE"),
        )
    )
    assert [" ".join(line.strip("━╸ ").split()) for line in lines] == [
        "1 of 3 done, 1 running 1:30",
        "us-east-1 service to do",
        "table UPDATE_IN_PROGRESS Table (AWS::DynamoDB::GlobalTable) UPDATE_IN_PROGRESS 1:29",
        "us-west-2 storage done CREATE_COMPLETE 1.0 s",
    ]


def test_the_bar_is_as_long_as_the_share_of_stacks_that_are_done() -> None:
    part = board(
        progress.RunBegun("plan", (TABLE, SERVICE)), progress.Planning(TABLE, "CREATE"), progress.Planned(TABLE, 3)
    )
    bar = shown(part, width=200)[0].split()[0]
    assert set(bar) == {"━"}
    assert len(bar) == 20  # of 40, as it has no colour here to show the rest in


def test_without_knowing_all_stacks_there_is_no_bar() -> None:
    assert shown(board(progress.Waiting(TABLE, "UPDATE_IN_PROGRESS")))[0] == "1 running  1:30"


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([progress.StatusChange(TABLE, "UPDATE_COMPLETE")], "1 running"),  # another change set of it may follow
        ([progress.StatusChange(TABLE, "UPDATE_COMPLETE"), progress.Finished(TABLE, "UPDATE_COMPLETE")], "1 of 1 done"),
        ([progress.StatusChange(TABLE, "UPDATE_ROLLBACK_IN_PROGRESS")], "0 of 1 done, 1 running"),
        ([progress.StatusChange(TABLE, "UPDATE_ROLLBACK_COMPLETE")], "0 of 1 done, 1 failed"),
        ([progress.FirstFailure(TABLE, "", "no answer")], "0 of 1 done, 1 failed"),
        ([progress.FirstFailure(TABLE, "", "no answer"), progress.NotStarted(TABLE, "x")], "0 of 1 done, 1 failed"),
        ([progress.NotStarted(TABLE, "interrupted")], "0 of 1 done, 1 not started"),
        ([progress.StepSuperseded(TABLE, "them")], "0 of 1 done, 1 superseded"),
        ([progress.StepSuperseded(TABLE, "them"), progress.NotStarted(TABLE, "x")], "0 of 1 done, 1 superseded"),
        ([progress.StepInProgress(TABLE, "it takes long")], "0 of 1 done, 1 running"),
        ([progress.Unchanged(TABLE)], "1 of 1 done"),
    ],
)
def test_what_is_counted_is_what_was_said(events: list[FleetProgress], words: str) -> None:
    filled = board(progress.RunBegun("execute", (TABLE,)), progress.Started(TABLE, "UPDATE"), *events)
    assert words in shown(filled)[0]


def test_a_failure_is_told_as_far_as_there_is_room() -> None:
    failed = board(progress.Started(TABLE, "CREATE"), progress.FirstFailure(TABLE, "Table (T)", "limit " * 40))
    (line,) = shown(failed, width=80)[1:]
    assert "FAILED  Table (T): limit limit" in line
    assert line.endswith("…  1.0 s")
    assert len(line) == 80


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_500_stacks_in_17_regions_fit_the_screen_failed_and_running_first_the_rest_counted(
    width: int, height: int
) -> None:
    lines = shown(many(), seconds=600, width=width, height=height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert "440 of 500 done, 3 failed, 50 running, 2 not started" in lines[0]
    assert all("FAILED" in line for line in lines[1:4])
    assert "UPDATE_IN_PROGRESS" in lines[4]
    text = "\n".join(lines)
    assert all(f"region-{number} " in text for number in range(REGIONS))
    assert "region-0 26/30 1 failed" in text


def test_what_does_not_fit_is_counted_too() -> None:
    lines = shown(many(), width=80, height=8)
    assert len(lines) == 8
    assert "not shown: 1 failed, 50 running" in lines
    assert lines[-1] == "and 8 regions more"


def many() -> Board:
    """3 failed, 50 running, 2 not started, 5 to do, 440 done."""
    made = board(progress.RunBegun("execute", MANY))
    for number, stack in enumerate(MANY):
        at = START + timedelta(seconds=number)
        if number < 53 or number >= 60:
            made.take(progress.Started(stack, "UPDATE"), at)
        if number < 3:
            made.take(progress.FirstFailure(stack, "Bucket (AWS::S3::Bucket)", "Access Denied"), at)
        elif number < 53:
            made.take(progress.StatusChange(stack, "UPDATE_IN_PROGRESS"), at)
        elif number < 55:
            made.take(progress.NotStarted(stack, "region-0/stack-000 failed"), at)
        elif number >= 60:
            made.take(progress.Finished(stack, "UPDATE_COMPLETE"), at)
    return made


def test_what_failed_before_it_was_begun_is_shown_too() -> None:
    made = many()
    made.take(progress.FirstFailure(MANY[55], "", "its parameter is an output that is not there"), START)
    assert "4 failed" in shown(made)[0]
    assert sum("FAILED" in line for line in shown(made)) == 4


def test_a_narrow_screen_has_no_bar() -> None:
    assert shown(board(progress.RunBegun("plan", (TABLE, SERVICE))), width=18)[0] == "0 of 2 done  1:30"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1:00"), (725.8, "12:05"), (3723, "1:02:03")]
)
def test_times_are_as_short_as_they_can_be(seconds: float, words: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == words


def test_a_set_shows_how_far_it_is_and_which_account_failed_last_while_it_goes_on() -> None:
    failed = InstanceFailed(BUCKET, AccountId("4" * 12), Region("us-west-2"), "limit")
    going: list[FleetProgress] = [SetProgress(BUCKET, "UPDATE", "RUNNING", 3, 40, 0, "op"), failed]
    lines = shown(board(*going, SetProgress(BUCKET, "UPDATE", "RUNNING", 4, 40, 1, "op")))
    assert " ".join(lines[-1].split()) == "us-west-2 storage 4/40, 1 failed FAILED 444444444444 us-west-2: limit 1:30"
    assert "UPDATE RUNNING" in shown(board(*going[:1]))[-1]
