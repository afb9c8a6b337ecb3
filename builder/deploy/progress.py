"""The progress of a run: its events (with --json one object a line), the outcome of each stack, and its engine.

`run_in_order` starts each stack or StackSet as soon as those that it waits for are done, in executions and deletions.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, assert_never

from builder.deploy.records import Step
from builder.errors import ExitCode
from builder.graph import make_order
from builder.terms import LogicalId, StackId


@dataclass(frozen=True, slots=True)
class RunBegun:
    """A run begins, with the stacks that it works on. Later events report the end of each."""

    what: Literal["plan", "execute", "destroy", "drop"]
    stacks: tuple[StackId, ...]
    schema: Literal[2] = 2
    """The version of all events, also of those of fleets and drills; new events or fields do not change it."""
    event: Literal["run.begun"] = "run.begun"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One `--allow`, with the number and the names of the guarded changes, deletions and reviews that it permits."""

    allow: str
    """The name or pattern as it was typed."""
    passes: int
    names: tuple[str, ...]
    event: Literal["guard.allowed"] = "guard.allowed"


@dataclass(frozen=True, slots=True)
class Planning:
    """The creation of a stack's change set begins. A new stack then has the status REVIEW_IN_PROGRESS."""

    stack: StackId
    type: str
    event: Literal["stack.planning"] = "stack.planning"


@dataclass(frozen=True, slots=True)
class Planned:
    """A stack's change set was created and read; `changes` is the number of resource changes in it."""

    stack: StackId
    changes: int
    event: Literal["stack.planned"] = "stack.planned"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A stack needs no change; no change set of it is left to execute."""

    stack: StackId
    event: Literal["stack.unchanged"] = "stack.unchanged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another operation runs on a stack or StackSet; the run waits for its end."""

    stack: StackId
    status: str
    token: str = ""
    """The client token of that operation, which shows who began it; the console's tokens begin with `Console-`."""
    event: Literal["stack.waiting"] = "stack.waiting"


@dataclass(frozen=True, slots=True)
class ResourceWaiting:
    """A change set waits for the end of an operation on a resource that it changes: CloudFormation does not wait."""

    stack: StackId
    resource: str
    """`LogicalId (Type)`."""
    because: str
    """What is under way, as text."""
    event: Literal["resource.waiting"] = "resource.waiting"


@dataclass(frozen=True, slots=True)
class Started:
    """Work on a stack or StackSet starts; `what` names it.

    It is, for example, the execution of a change set (`CREATE`, `UPDATE`, `IMPORT`), `ROLLBACK`, `DELETE`, `UPLOAD`,
    `SET POLICY` or `UNPROTECT`, which lifts termination protection.
    """

    stack: StackId
    what: str
    event: Literal["stack.started"] = "stack.started"


@dataclass(frozen=True, slots=True)
class Skipping:
    """A stack's rollback skips these resources: they stay as they are, and CloudFormation takes them as rolled back."""

    stack: StackId
    resources: tuple[LogicalId, ...]
    event: Literal["stack.skipping"] = "stack.skipping"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """The status of a stack changed since it was last read."""

    stack: StackId
    status: str
    event: Literal["stack.status"] = "stack.status"


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """The resource that CloudFormation is changing in a stack; of several, the one with the newest event."""

    stack: StackId
    resource: str
    """`LogicalId (Type)`."""
    status: str
    event: Literal["resource.status"] = "resource.status"


@dataclass(frozen=True, slots=True)
class Finished:
    """All steps on a stack or StackSet succeeded."""

    stack: StackId
    status: str
    event: Literal["stack.finished"] = "stack.finished"


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """A step on a stack failed. `resource` is the resource that failed first; it is empty if none is known."""

    stack: StackId
    resource: str
    reason: str
    event: Literal["stack.failed"] = "stack.failed"


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A step on a stack or StackSet is not started; `because` is the reason."""

    stack: StackId
    because: str
    event: Literal["stack.cancelled"] = "stack.cancelled"


@dataclass(frozen=True, slots=True)
class StepSuperseded:
    """A step is not started, because something else changed its stack or change set first; `by` says what."""

    stack: StackId
    by: str
    event: Literal["stack.superseded"] = "stack.superseded"


@dataclass(frozen=True, slots=True)
class StepInProgress:
    """The run does not wait any longer for a step: CloudFormation goes on with it; `because` is the reason."""

    stack: StackId
    because: str
    event: Literal["stack.in_progress"] = "stack.in_progress"


@dataclass(frozen=True, slots=True)
class BucketEmptied:
    """The versions and delete markers deleted from a bucket so far: their number, and the average rate."""

    stack: StackId
    bucket: str
    """The physical id of the resource; buckets are the only type that is emptied."""
    versions: int
    per_second: int
    """The average since its emptying began. S3 shows how many there are in all only by listing them."""
    event: Literal["bucket.emptied"] = "bucket.emptied"


@dataclass(frozen=True, slots=True)
class TemplateUploaded:
    """A nested template was uploaded to the bucket from which CloudFormation reads it for the stack's change set."""

    stack: StackId
    source: str
    bucket: str
    key: str
    event: Literal["template.uploaded"] = "template.uploaded"


Progress = (
    RunBegun
    | Allowed
    | Planning
    | Planned
    | Unchanged
    | Waiting
    | ResourceWaiting
    | Started
    | Skipping
    | StatusChange
    | ResourceProgress
    | Finished
    | FirstFailure
    | NotStarted
    | StepSuperseded
    | StepInProgress
    | BucketEmptied
    | TemplateUploaded
)
Emit = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Done:
    """The step succeeded. `status` is the stack's status, or a word such as `uploaded` or `unchanged`."""

    stack: StackId
    status: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class StackFailed:
    """The step failed. `status` is the stack's status; it is empty if an error ended the step."""

    stack: StackId
    status: str
    resource: str
    """The resource that failed first, `LogicalId (Type)`; empty where no event names one."""
    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The step was not started; `because` is the reason."""

    stack: StackId
    because: str
    interrupted: bool = False
    """Whether a person stopped the run."""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The step was started, and the run does not wait for its end: CloudFormation goes on with it."""

    stack: StackId
    because: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The step was not started, because something else changed its stack or change set first."""

    stack: StackId
    by: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ReviewRequired:
    """A deferred change set was created, and shows more than was expected. It is not executed, but waits for review."""

    stack: StackId
    step: Step
    beyond: tuple[str, ...]
    """What it shows beyond what was reviewed, one line each."""
    next_step: str = ""


Outcome = Done | StackFailed | Cancelled | InProgress | Superseded | ReviewRequired
OUTCOME_WORDS: Mapping[type, str] = {
    Done: "succeeded",
    StackFailed: "failed",
    Cancelled: "cancelled",
    InProgress: "in_progress",
    ReviewRequired: "review_required",
    Superseded: "superseded",
}
"""How an outcome is written in `--json`."""


def is_done(outcome: Outcome) -> bool:
    """Return whether the stacks that need this one may go on."""
    return isinstance(outcome, Done)


def exit_code(ended: Iterable[Outcome]) -> ExitCode:
    """Return the exit code of the outcomes: the gravest counts, and a failed stack can never end in 0."""
    codes = {_code(outcome) for outcome in ended}
    gravest_first = (ExitCode.FAILED, ExitCode.STOPPED, ExitCode.INTERRUPTED)
    return next((code for code in gravest_first if code in codes), ExitCode.DONE)


def _code(outcome: Outcome) -> ExitCode:
    match outcome:
        case Done():
            return ExitCode.DONE
        case StackFailed():
            return ExitCode.FAILED
        case InProgress() | Superseded() | ReviewRequired():
            return ExitCode.STOPPED
        case Cancelled(interrupted=interrupted):
            # A stack that was not started because another one failed does not change the exit code of that failure.
            return ExitCode.INTERRUPTED if interrupted else ExitCode.STOPPED
    assert_never(outcome)


N = TypeVar("N", bound=Hashable)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Work(Generic[N, R]):
    """How each node is run, and how one that is not started is cancelled."""

    run: Callable[[N, Mapping[N, R]], Coroutine[Any, Any, R]]
    """Called with the outcomes of the nodes that this one waited for; a failure is an outcome too, not an exception."""
    cancel: Callable[[N, N | None], R]
    """Called with the node and the one that it waits for in vain; None where no more nodes are to be started."""
    is_done: Callable[[R], bool]
    """Whether the nodes that wait for this one may be started."""
    started: Collection[N] = frozenset()
    """Nodes that an earlier run started: they continue, whatever the outcomes of all others."""


async def run_in_order(
    nodes: Iterable[N], waits_for: Mapping[N, Collection[N]], work: Work[N, R], stop: asyncio.Event | None = None
) -> dict[N, R]:
    """Return the outcome of each node, in the order given; nodes that do not wait for each other run concurrently.

    `waits_for` has by node those that end before it starts: for a creation what the node needs, for a deletion what
    needs the node. What is none of the nodes counts as done. The first of them that ends without being done cancels
    the node. Once `stop` is set no further node starts, and the running ones end by themselves; cancelling this call
    cancels them. An exception of a node, which is a fault of ours, cancels the running ones, and is raised once they
    have ended. Raises BadInput, before anything is started, where nodes wait for each other in a circle.
    """
    loop = asyncio.get_running_loop()
    ends: dict[N, asyncio.Future[R]] = {node: loop.create_future() for node in nodes}
    awaited = {node: [other for other in waits_for.get(node, ()) if other in ends] for node in ends}
    make_order(awaited)

    async def outcome_of(node: N) -> R:
        before: dict[N, R] = {}
        if node not in work.started:
            for other in awaited[node]:
                before[other] = await ends[other]
                if not work.is_done(before[other]):
                    return work.cancel(node, other)
            if stop is not None and stop.is_set():
                return work.cancel(node, None)
        return await work.run(node, before)

    async def end(node: N) -> R:
        outcome = await outcome_of(node)
        ends[node].set_result(outcome)
        return outcome

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(end(node)) for node in ends]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {node: task.result() for node, task in zip(ends, tasks, strict=True)}
