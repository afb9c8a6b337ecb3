import pytest

from builder.deploy import progress
from builder.fleet.progress import FleetProgress, InstanceFailed, SetProgress
from builder.report.board import event_words
from builder.terms import AccountId, LogicalId, Region
from report.sample import TABLE


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (progress.RunBegun("plan", (TABLE,)), ("planning", "1 stack")),
        (progress.RunBegun("destroy", (TABLE, TABLE)), ("destroying", "2 stacks")),
        (progress.Allowed("r/t/*", 2, ("r/t/A", "r/t/B")), ("--allow r/t/* lets 2 pass", "r/t/A, r/t/B")),
        (
            progress.Allowed("**", 22, tuple(f"r/t/{n}" for n in range(22))),
            ("--allow ** lets 22 pass", f"{', '.join(f'r/t/{n}' for n in range(20))}, and 2 more"),
        ),
        (progress.Planning(TABLE, "CREATE"), ("change set asked for", "CREATE")),
        (progress.Planned(TABLE, 1), ("change set stands", "1 change")),
        (progress.Planned(TABLE, 2), ("change set stands", "2 changes")),
        (progress.Unchanged(TABLE), ("unchanged", "")),
        (progress.Waiting(TABLE, "UPDATE_IN_PROGRESS"), ("waiting", "another's operation runs, UPDATE_IN_PROGRESS")),
        (
            progress.Waiting(TABLE, "UPDATE_IN_PROGRESS", "C-1"),
            ("waiting", "another's operation runs, UPDATE_IN_PROGRESS, token C-1"),
        ),
        (
            progress.ResourceWaiting(TABLE, "Table (T)", "its index a is CREATING in us-west-2"),
            ("waiting", "Table (T): its index a is CREATING in us-west-2"),
        ),
        (progress.Started(TABLE, "CREATE"), ("started", "CREATE")),
        (progress.Skipping(TABLE, (LogicalId("A"), LogicalId("B"))), ("rolling back", "without A, B")),
        (progress.StatusChange(TABLE, "CREATE_COMPLETE"), ("CREATE_COMPLETE", "")),
        (progress.ResourceProgress(TABLE, "Table (T)", "CREATE_IN_PROGRESS"), ("CREATE_IN_PROGRESS", "Table (T)")),
        (progress.Finished(TABLE, "CREATE_COMPLETE"), ("done", "CREATE_COMPLETE")),
        (progress.FirstFailure(TABLE, "Table (T)", "limit\nreached"), ("FAILED", "Table (T): limit reached")),
        (progress.FirstFailure(TABLE, "", "limit"), ("FAILED", "limit")),
        (progress.NotStarted(TABLE, "x failed"), ("not started", "x failed")),
        (progress.StepSuperseded(TABLE, "another\nwas faster"), ("superseded", "another was faster")),
        (progress.StepInProgress(TABLE, "it takes long"), ("in progress", "it takes long")),
        (
            progress.BucketEmptied(TABLE, "bucket", 2000, 1500),
            ("emptying", "bucket, 2,000 versions removed, 1,500 a second"),
        ),
        (SetProgress(TABLE, "UPDATE", "RUNNING", 34, 40, 1, "op"), ("34/40, 1 failed", "UPDATE RUNNING")),
        (SetProgress(TABLE, "CREATE", "QUEUED", 0, 40, 0, "op"), ("0/40", "CREATE QUEUED")),
        (
            InstanceFailed(TABLE, AccountId("1" * 12), Region("us-east-1"), "limit\nreached"),
            ("FAILED", "111111111111 us-east-1: limit reached"),
        ),
    ],
)
def test_every_event_has_words(event: FleetProgress, words: tuple[str, str]) -> None:
    assert event_words(event) == words
