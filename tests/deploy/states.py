"""What each command does about a stack in each status: the table that the tests are generated from.

docs/states.md is made of it too, by scripts/states_doc.py.
"""

from dataclasses import dataclass
from enum import Enum


class Does(Enum):
    """What a command does; the value is the word for it in the table."""

    WAITS = "waits"
    CREATES = "creates"
    UPDATES = "updates"
    REBUILDS = "rebuilds"
    ROLLS_BACK = "rolls back"
    STOPS = "stops"
    REFUSES = "refuses"
    EXECUTES = "executes"
    DONE = "done"
    FAILS = "fails"
    DELETES = "deletes"
    NOTHING = "nothing"


MEANS = {
    Does.WAITS: "until the operation that is under way has ended; of another's it tells the client token",
    Does.CREATES: "a change set of type CREATE",
    Does.UPDATES: "a change set of type UPDATE, where anything differs",
    Does.REBUILDS: "where nothing that the failed creation left holds data, its deletion is a step of the plan and a"
    " change set of type CREATE is deferred behind it; else exit 4, naming what holds data",
    Does.ROLLS_BACK: "shows what is rolled back and what that might skip, and asks; then RollbackStack or"
    " ContinueUpdateRollback",
    Does.STOPS: "exit 4, with the status, CloudFormation's reason for it and what to type next",
    Does.REFUSES: "exit 4 before anything of the plan is executed, naming who or what moved the stack",
    Does.EXECUTES: "the plan's change set is still what was reviewed, and is executed",
    Does.DONE: "the step counts as done, and what needs it is started",
    Does.FAILS: "exit 1, with the resource that failed first; what needs the step is not started",
    Does.DELETES: "what holds data is emptied, the stack is deleted, and where a resource holds on that is helped",
    Does.NOTHING: "nothing of the stack is left",
}

WAITS, CREATES, UPDATES, REBUILDS = Does.WAITS, Does.CREATES, Does.UPDATES, Does.REBUILDS
ROLLS_BACK, STOPS, REFUSES, EXECUTES = Does.ROLLS_BACK, Does.STOPS, Does.REFUSES, Does.EXECUTES
DONE, FAILS, DELETES, NOTHING = Does.DONE, Does.FAILS, Does.DELETES, Does.NOTHING

Cell = tuple[Does, ...]
"""What is done, one after the other."""


@dataclass(frozen=True, slots=True)
class State:
    """One status, and what each command does about a stack found in it."""

    status: str
    plan: Cell
    """`plan`, and `deploy` with it."""
    again: Cell
    """`execute` once more, when the plan's own change set has brought the stack here."""
    becomes: str = ""
    """Of an operation under way: the status that it usually ends in, which the other columns assume."""
    recover: Cell | None = None
    """`plan --recover`, where it does anything else than `plan`."""
    created: Cell = (REFUSES,)
    """`execute`, when the plan is to create the stack and now finds it here."""
    updated: Cell = (REFUSES,)
    """`execute`, when the plan is to update the stack, and somebody has moved it here since."""
    destroy: Cell = (DELETES,)


STATES = (
    State("REVIEW_IN_PROGRESS", (CREATES,), (EXECUTES,), created=(EXECUTES,)),
    State("CREATE_IN_PROGRESS", (WAITS, UPDATES), (WAITS, DONE), "CREATE_COMPLETE", destroy=(WAITS, DELETES)),
    State("CREATE_COMPLETE", (UPDATES,), (DONE,)),
    State("CREATE_FAILED", (REBUILDS,), (STOPS,)),
    State("ROLLBACK_IN_PROGRESS", (WAITS, REBUILDS), (WAITS, FAILS), "ROLLBACK_COMPLETE", destroy=(WAITS, DELETES)),
    State("ROLLBACK_COMPLETE", (REBUILDS,), (STOPS,)),
    State("ROLLBACK_FAILED", (REBUILDS,), (STOPS,)),
    State("UPDATE_IN_PROGRESS", (WAITS, UPDATES), (WAITS, DONE), "UPDATE_COMPLETE", destroy=(WAITS, DELETES)),
    State(
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        (WAITS, UPDATES),
        (WAITS, DONE),
        "UPDATE_COMPLETE",
        destroy=(WAITS, DELETES),
    ),
    State("UPDATE_COMPLETE", (UPDATES,), (DONE,)),
    State("UPDATE_FAILED", (STOPS,), (STOPS,), recover=(ROLLS_BACK, UPDATES)),
    State(
        "UPDATE_ROLLBACK_IN_PROGRESS",
        (WAITS, UPDATES),
        (WAITS, FAILS),
        "UPDATE_ROLLBACK_COMPLETE",
        destroy=(WAITS, DELETES),
    ),
    State(
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        (WAITS, UPDATES),
        (WAITS, FAILS),
        "UPDATE_ROLLBACK_COMPLETE",
        destroy=(WAITS, DELETES),
    ),
    State("UPDATE_ROLLBACK_COMPLETE", (UPDATES,), (STOPS,)),
    State("UPDATE_ROLLBACK_FAILED", (STOPS,), (STOPS,), recover=(ROLLS_BACK, UPDATES)),
    State("IMPORT_IN_PROGRESS", (WAITS, UPDATES), (WAITS, DONE), "IMPORT_COMPLETE", destroy=(WAITS, DELETES)),
    State("IMPORT_COMPLETE", (UPDATES,), (DONE,)),
    State(
        "IMPORT_ROLLBACK_IN_PROGRESS",
        (WAITS, UPDATES),
        (WAITS, FAILS),
        "IMPORT_ROLLBACK_COMPLETE",
        destroy=(WAITS, DELETES),
    ),
    State("IMPORT_ROLLBACK_COMPLETE", (UPDATES,), (STOPS,)),
    State("IMPORT_ROLLBACK_FAILED", (STOPS,), (STOPS,)),
    State("DELETE_IN_PROGRESS", (WAITS, CREATES), (WAITS, FAILS), "DELETE_COMPLETE", destroy=(WAITS, NOTHING)),
    State("DELETE_COMPLETE", (CREATES,), (REFUSES,), destroy=(NOTHING,)),
    State("DELETE_FAILED", (STOPS,), (STOPS,)),
)
