"""Every status times every command, generated from the table in `deploy.states`."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from builder.deploy import Outcome, Plan, exit_code, find_recoveries
from builder.deploy.progress import Waiting
from builder.errors import ExitCode, Stopped
from builder.terms import STATUSES
from deploy.halted import NEW_TEMPLATE, control, deployed_topics, recovered, topics
from deploy.rig import ROOT, Rig
from deploy.states import STATES, Cell, Does, State

# 23 statuses times 7 commands; what the inner loop needs of them the other tests of the chapter try.
pytestmark = pytest.mark.proof
EVERY = pytest.mark.parametrize("state", STATES, ids=lambda state: state.status)
ELSE = topics(NEW_TEMPLATE)
THEIRS = "arn:aws:cloudformation:us-east-1:111122223333:changeSet/theirs/1"


def put(rig: Rig, state: State) -> None:
    """Bring the stack into the status, from where it goes on by itself if an operation is under way."""
    stack = control(rig)
    if state.status == "REVIEW_IN_PROGRESS" and stack.exists and stack.status != "REVIEW_IN_PROGRESS":
        stack.put("DELETE_COMPLETE")  # a stack that stands is never in review again; another of its name may be
    stack.put(state.status, reason="as the test says")
    if state.becomes:
        stack.then(state.becomes, after_s=30)
    rig.events.clear()
    rig.world.calls.clear()


def moved_by_another(rig: Rig, state: State) -> None:
    put(rig, state)
    if state.status != "REVIEW_IN_PROGRESS":
        control(rig).record.change_set_id = THEIRS


def check(rig: Rig, cell: Cell, work: Callable[[], object], verdicts: dict[Does, Callable[[object], bool]]) -> None:
    """Do the work, and hold how it ended to the cell's last word, and whether it waited to whether that is there."""
    try:
        ended: object = work()
    except Stopped as stopped:
        ended = stopped
    assert verdicts[cell[-1]](ended), (cell, ended)
    assert (rig.events_of(Waiting) != []) == (Does.WAITS in cell)


def planned(ended: object, kind: str) -> bool:
    return isinstance(ended, Plan) and [step.type for step in ended.steps] == [kind] and not ended.deletions


def rebuilt(ended: object) -> bool:
    return isinstance(ended, Plan) and not ended.steps and [step.type for step in ended.deferred] == ["CREATE"]


def stopped(ended: object) -> bool:
    return isinstance(ended, Stopped) and ended.next_step != ""


PLANNED: dict[Does, Callable[[object], bool]] = {
    Does.CREATES: lambda ended: planned(ended, "CREATE"),
    Does.UPDATES: lambda ended: planned(ended, "UPDATE"),
    Does.REBUILDS: lambda ended: rebuilt(ended) and isinstance(ended, Plan) and len(ended.deletions) == 1,
    Does.STOPS: stopped,
}


def test_every_status_that_there_is_has_its_row_and_no_other() -> None:
    assert sorted(state.status for state in STATES) == sorted(STATUSES)


def test_what_is_under_way_ends_somewhere_and_what_is_not_stays() -> None:
    for state in STATES:
        assert bool(state.becomes) == (not STATUSES[state.status].settled), state.status
        assert (Does.WAITS in state.plan) == (Does.WAITS in state.destroy) == bool(state.becomes), state.status


@EVERY
def test_plan(rig: Rig, state: State) -> None:
    put(deployed_topics(rig), state)
    check(rig, state.plan, lambda: rig.plan(ELSE), PLANNED)
    assert rig.operations("ExecuteChangeSet") == rig.operations("DeleteStack") == 0


@EVERY
def test_plan_with_recover(rig: Rig, state: State) -> None:
    put(deployed_topics(rig), state)
    cell = state.recover or state.plan

    def recover_and_plan() -> Plan:
        assert bool(recovered(rig)) == (Does.ROLLS_BACK in cell)
        return rig.plan(ELSE)

    check(rig, cell, recover_and_plan, PLANNED)
    assert rig.operations("ExecuteChangeSet") == rig.operations("DeleteStack") == 0


def ends_in(code: ExitCode, ended: object) -> bool:
    return isinstance(ended, tuple) and exit_code(ended) is code


def executed(rig: Rig) -> dict[Does, Callable[[object], bool]]:
    return {
        Does.EXECUTES: lambda ended: ends_in(ExitCode.DONE, ended) and rig.operations("ExecuteChangeSet") == 1,
        Does.DONE: lambda ended: ends_in(ExitCode.DONE, ended) and rig.operations("ExecuteChangeSet") == 0,
        Does.FAILS: lambda ended: ends_in(ExitCode.FAILED, ended) and rig.operations("ExecuteChangeSet") == 0,
        Does.STOPS: lambda ended: stopped(ended) and rig.operations("ExecuteChangeSet") == 0,
        Does.REFUSES: lambda ended: stopped(ended) and rig.operations("ExecuteChangeSet") == 0,
    }


@EVERY
def test_execute_of_a_plan_that_creates_the_stack(rig: Rig, state: State) -> None:
    rig.deployment = topics()
    plan = rig.plan()
    moved_by_another(rig, state)
    check(rig, state.created, lambda: rig.execute(plan), executed(rig))


@EVERY
def test_execute_of_a_plan_whose_stack_has_moved(rig: Rig, state: State) -> None:
    plan = deployed_topics(rig).plan(ELSE)
    moved_by_another(rig, state)
    check(rig, state.updated, lambda: rig.execute(plan), executed(rig))


@EVERY
def test_execute_again(rig: Rig, state: State) -> None:
    rig.deployment = topics()
    plan = rig.plan()
    if state.status != "REVIEW_IN_PROGRESS":  # from where nothing was executed yet
        rig.execute(plan)
    put(rig, state)
    cell = state.again
    if Does.WAITS not in cell:
        check(rig, cell, lambda: rig.execute(plan), executed(rig))
        return
    # It is our own operation that is waited for: nobody has to be told of it as of another's.
    started = rig.world.now
    assert executed(rig)[cell[-1]](rig.execute(plan))
    assert rig.world.now - started >= 30


@pytest.mark.parametrize("state", [state for state in STATES if state.recover], ids=lambda state: state.status)
def test_execute_again_with_recover(rig: Rig, state: State) -> None:
    plan = deployed_topics(rig).plan(ELSE)
    rig.execute(plan)
    put(rig, state)
    shown = rig.watched(lambda emit: find_recoveries(plan, rig.clients, emit))
    (outcome,) = recovered(rig, shown)
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(Stopped, match="ended in UPDATE_ROLLBACK_COMPLETE"):
        rig.execute(plan)


def gone(rig: Rig) -> bool:
    return not control(rig).exists


@EVERY
def test_destroy(rig: Rig, state: State) -> None:
    put(deployed_topics(rig), state)
    if state.status == "REVIEW_IN_PROGRESS":
        rig.plan()  # so that it is ours
        rig.world.calls.clear()

    def deleted(ended: object) -> bool:
        return ends_in(ExitCode.DONE, ended) and gone(rig) and rig.operations("DeleteStack") > 0

    def nothing(ended: object) -> bool:
        return ends_in(ExitCode.DONE, ended) and gone(rig) and rig.operations("DeleteStack") == 0

    check(rig, state.destroy, rig.destroy, {Does.DELETES: deleted, Does.NOTHING: nothing})


@EVERY
def test_destroy_of_a_protected_stack(rig: Rig, state: State) -> None:
    put(deployed_topics(rig), state)
    if state.status == "REVIEW_IN_PROGRESS":
        rig.plan()
    control(rig).record.termination_protection = True
    rig.world.calls.clear()
    outcomes: tuple[Outcome, ...] = ()
    if state.destroy == (Does.NOTHING,):
        outcomes = rig.destroy()
    else:
        with pytest.raises(Stopped, match="protected from deletion"):
            rig.destroy()
    assert outcomes == ()
    assert not [call for call in rig.world.calls if call.mutating]


@pytest.mark.processes
def test_the_page_is_as_the_table_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "states_doc.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
