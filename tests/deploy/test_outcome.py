import pytest

from builder.deploy.progress import (
    Cancelled,
    Done,
    InProgress,
    Outcome,
    ReviewRequired,
    StackFailed,
    Superseded,
    exit_code,
)
from builder.errors import ExitCode
from builder.terms import StackId
from deploy.rig import Rig

A = StackId("a")
DONE, BROKE = Done(A, "CREATE_COMPLETE"), StackFailed(A, "ROLLBACK_COMPLETE", "R", "no")
OVERTAKEN, CANCELLED = Superseded(A, by="them"), Cancelled(A, because="b failed")
INTERRUPTED = Cancelled(A, because="interrupted", interrupted=True)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([], ExitCode.DONE),
        ([DONE, DONE], ExitCode.DONE),
        ([DONE, BROKE, CANCELLED], ExitCode.FAILED),
        ([OVERTAKEN, BROKE], ExitCode.FAILED),
        ([DONE, OVERTAKEN, CANCELLED], ExitCode.STOPPED),
        ([DONE, InProgress(A, because="it takes long")], ExitCode.STOPPED),
        ([DONE, INTERRUPTED], ExitCode.INTERRUPTED),
        ([INTERRUPTED, BROKE], ExitCode.FAILED),
    ],
)
def test_the_gravest_outcome_counts(ended: list[Outcome], code: ExitCode) -> None:
    assert exit_code(ended) is code


def test_what_waits_for_review_stops(rig: Rig) -> None:
    assert exit_code([DONE, ReviewRequired(A, rig.plan().steps[0], ("more",))]) is ExitCode.STOPPED
