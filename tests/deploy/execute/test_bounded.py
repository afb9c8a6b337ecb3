"""Imports beside a lost region come last, and are not waited for without an end."""

import asyncio

import pytest

from builder.deploy import Done, Emit, Outcome, Progress, StackFailed, execute_bounded
from builder.deploy.progress import (
    Cancelled,
    Finished,
    FirstFailure,
    InProgress,
    NotStarted,
    Started,
    StepInProgress,
    StepSuperseded,
    Superseded,
)
from builder.terms import StackId
from fake_aws import run_virtual

GOES_ON = "CloudFormation has not imported its data within 300 s, and goes on with it"
FIRST, TABLE = StackId("us-west-2/service"), StackId("us-west-2/table")


def took(import_s: float, *, bound_s: float = 300.0) -> tuple[tuple[Outcome, ...], float, list[Progress], list[str]]:
    """An execution of two stacks, of which the second imports for so long: outcomes, time, events, how it went on."""
    events: list[Progress] = []
    left: list[str] = []

    async def execution(emit: Emit) -> tuple[Outcome, ...]:
        emit(Started(stack=FIRST, what="UPDATE"))
        await asyncio.sleep(1000)
        emit(Finished(stack=FIRST, status="UPDATE_COMPLETE"))
        emit(Started(stack=TABLE, what="CREATE"))
        await asyncio.sleep(10)
        emit(Started(stack=TABLE, what="IMPORT"))
        try:
            await asyncio.sleep(import_s)
        except asyncio.CancelledError:
            left.append("cancelled")
            raise
        emit(Finished(stack=TABLE, status="IMPORT_COMPLETE"))
        return Done(stack=FIRST, status="UPDATE_COMPLETE"), Done(stack=TABLE, status="IMPORT_COMPLETE")

    async def timed() -> tuple[tuple[Outcome, ...], float]:
        began = asyncio.get_running_loop().time()
        ended = await execute_bounded(execution, {TABLE}, events.append, bound_s)
        return ended, asyncio.get_running_loop().time() - began

    ended, seconds = run_virtual(timed)
    return ended, seconds, events, left


@pytest.mark.parametrize("import_s", [0.0, 20.0, 299.0])
def test_an_import_that_ends_in_time_is_an_execution_like_any_other(import_s: float) -> None:
    ended, seconds, events, left = took(import_s)
    assert [type(outcome) for outcome in ended] == [Done, Done]
    assert seconds == pytest.approx(1010 + import_s)
    assert (len(events), left) == (5, [])


@pytest.mark.parametrize("import_s", [301.0, 86400.0])
def test_one_that_does_not_is_left_to_cloudformation_with_all_else_done(import_s: float) -> None:
    ended, seconds, events, left = took(import_s)
    assert ended == (
        Done(stack=FIRST, status="UPDATE_COMPLETE"),
        InProgress(stack=TABLE, because=GOES_ON),
    )
    assert events[-1] == StepInProgress(stack=TABLE, because=GOES_ON)
    assert seconds == pytest.approx(1310)
    assert left == ["cancelled"]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], Cancelled(FIRST, because="another import has not ended within 300 s")),
        ([Started(FIRST, "CREATE")], Cancelled(FIRST, because="another import has not ended within 300 s")),
        ([NotStarted(FIRST, "x failed")], Cancelled(FIRST, because="x failed")),
        ([StepSuperseded(FIRST, "them")], Superseded(FIRST, by="them")),
        ([Started(FIRST, "IMPORT"), FirstFailure(FIRST, "T", "no")], StackFailed(FIRST, "", "T", "no")),
        ([FirstFailure(FIRST, "", "no"), NotStarted(FIRST, "it failed")], StackFailed(FIRST, "", "", "no")),
        ([Started(FIRST, "IMPORT"), Finished(FIRST, "IMPORT_COMPLETE")], Done(FIRST, "IMPORT_COMPLETE")),
    ],
)
def test_beside_one_that_goes_on_each_other_import_is_what_it_is(events: list[Progress], outcome: Outcome) -> None:
    async def execution(emit: Emit) -> tuple[Outcome, ...]:
        for event in events:
            emit(event)
        emit(Started(stack=TABLE, what="IMPORT"))
        await asyncio.sleep(86400)
        raise AssertionError

    ended = run_virtual(lambda: execute_bounded(execution, {FIRST, TABLE}, lambda _: None))
    assert set(ended) == {outcome, InProgress(TABLE, because=GOES_ON)}


def test_what_fails_before_is_what_it_is() -> None:
    failed = StackFailed(stack=FIRST, status="UPDATE_ROLLBACK_COMPLETE", resource="Function", reason="no")

    async def execution(emit: Emit) -> tuple[Outcome, ...]:
        emit(Started(stack=FIRST, what="UPDATE"))
        return (failed,)

    assert run_virtual(lambda: execute_bounded(execution, {TABLE}, lambda _: None)) == (failed,)


def test_an_error_of_the_execution_is_raised() -> None:
    async def execution(_: Emit) -> tuple[Outcome, ...]:
        raise KeyError

    with pytest.raises(KeyError):
        run_virtual(lambda: execute_bounded(execution, {TABLE}, lambda _: None))
