"""What a drill needs, its open log, and its cleanup: at its end, or later if the drill was killed.

In this order: `DrillContext`; `DrillRun` and `opened`; `clear`; then the two halves of `drill restore`: `undo_faults`,
which needs only the notes in AWS, and `delete_probes`, which reads the logs of the drills.
"""

import asyncio
import math
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from builder import __version__
from builder.aws import Clients, together
from builder.drill import changes, records
from builder.drill.findings import About, DrillBegun, DrillEmit, DrillMoment, DrillNote, DrillRestored, Report
from builder.drill.load import Counter, Series, count, send
from builder.drill.note import RESTORE, observe_each_note, remaining
from builder.drill.probe import delete_objects
from builder.drill.probes import Probes, make_probes
from builder.drill.target import Access, Function, Target
from builder.drill.tasks import in_the_end, task_group, to_its_end
from builder.drill.verdict import Objectives
from builder.errors import BuilderError, gathered


def versions() -> Mapping[str, str]:
    """Return the versions of the software that runs the drill, by name."""
    return {
        "builder": __version__,
        "python": platform.python_version(),
        "boto3": version("boto3"),
        "botocore": version("botocore"),
        "urllib3": version("urllib3"),
    }


LINGERS_S = 10.0
"""How long a function may still work on a request that the client has given up: the time-out of the shipped one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillContext:
    """All that a drill needs."""

    drill: str
    """The id of the drill: letters, digits and hyphens."""
    target: Target
    environment: str
    assembly: str
    """The digest of the assembly that should be deployed."""
    objectives: Objectives
    clients: Clients
    access: Access
    probe: records.ProbeSpec = "handler"
    folder: Path
    """The folder of this drill alone."""
    now: Callable[[], datetime]
    emit: DrillEmit
    keep: Callable[[Report], None]
    """Saves the report. It is called before the cleanup, which may fail."""


@dataclass(frozen=True, slots=True)
class DrillRun:
    """A drill under way."""

    context: DrillContext
    probes: Probes
    journal: records.Journal

    @property
    def clock(self) -> records.DrillClock:
        """The clock of the drill."""
        return self.journal.clock

    def mark(self, moment: records.Moment, at_s: float | None = None) -> None:
        """Log and emit a moment of the drill, which is now unless `at_s` is given."""
        passed_s = self.clock.passed_s() if at_s is None else at_s
        self.journal.log.write(records.Mark(moment, passed_s))
        self.context.emit(DrillMoment(self.context.drill, moment, passed_s))

    def lines(self) -> tuple[records.LogLine, ...]:
        """Return the lines that are in the log so far."""
        return self.written()[0]

    def written(self) -> tuple[tuple[records.LogLine, ...], str]:
        """Return the lines that are in the log so far, and their SHA-256."""
        path = self.context.folder / records.FILE_NAME
        written = records.read_bytes(path)
        return records.parse_log(path, written), records.sha256_of(written)

    def about(self, rate: float, log_sha256: str, *, fault: str = "", service: str | None = None) -> About:
        """Return the facts about this drill; `service` says in words what a good answer is, by default as probes do."""
        context, target = self.context, self.context.target
        return About(
            drill=context.drill,
            deployment=target.deployment,
            environment=context.environment,
            assembly=context.assembly,
            account=target.account,
            by=target.by,
            primary=target.primary.region,
            secondaries=tuple(side.region for side in target.secondaries),
            to=target.secondary.region,
            began=self.clock.began.isoformat(timespec="milliseconds"),
            rate=rate,
            service_s=context.objectives.service_seconds or context.access.limits.deadline_s,
            service=service or self.probes.service,
            probe=self.probes.words,
            fault=fault,
            log_sha256=log_sha256,
            versions=versions(),
            copies=target.copies,
        )

    @asynccontextmanager
    async def sending(self, *series: Series, counter: Counter | None = None) -> AsyncIterator[None]:
        """Send requests while the block lasts, then wait for those under way."""
        stop = asyncio.Event()
        at_once = [series_.threads(self.context.access.limits.deadline_s) for series_ in series]
        pool = ThreadPoolExecutor(sum(at_once) + 1, thread_name_prefix="load")
        try:
            async with task_group() as group:
                for each_series, most in zip(series, at_once, strict=True):
                    group.create_task(send(each_series, self.journal, pool, most, stop))
                if counter is not None:
                    group.create_task(count(counter, self.journal, pool, stop))
                self.mark("load")
                yield
                stop.set()
            self.mark("load ended")
        finally:
            # If the drill is interrupted, requests are under way, and their results have to be in the log before the
            # cleanup begins. The wait is on a thread, since the event loop has to handle signals meanwhile.
            await to_its_end(asyncio.to_thread(pool.shutdown, cancel_futures=True))


def make_ready(target: Target, clients: Clients) -> None:
    """Make the AWS clients of the drill beforehand, since each takes a while, which would delay the load."""
    for side in target.sides:
        clients.of(side.site).dynamodb(side.region)
        clients.of(side.site).s3(side.region)


@asynccontextmanager
async def opened(
    context: DrillContext, what: Literal["replication", "failover"], probes: Probes
) -> AsyncIterator[DrillRun]:
    """Give an open drill. When the block ends, however it does, delete the drill's probes."""
    loop = asyncio.get_running_loop()
    clock = records.start_clock(context.now(), loop.time)
    with records.DrillLog(context.folder / records.FILE_NAME) as log:
        began = clock.began.isoformat(timespec="milliseconds")
        log.write(records.LogOpened(context.drill, context.target.deployment, began, records.VERSION, context.probe))
        context.emit(DrillBegun(context.drill, what, context.target.deployment, str(context.folder)))
        async with in_the_end(partial(_closed, context, probes, clock, log)):
            yield DrillRun(context, probes, records.Journal(context.drill, log, clock))


def last_unanswered_s(lines: Sequence[records.LogLine]) -> float:
    """Return when the last unanswered request was given up, minus infinity if all were answered."""
    attempts = chain.from_iterable(
        line.attempts if isinstance(line, records.Write) else line.write
        for line in lines
        if isinstance(line, records.Write | records.Turn)
    )
    return max((attempt.ended_s for attempt in attempts if attempt.status is None), default=-math.inf)


async def clear(target: Target, probes: Probes, clients: Clients, drill: str, lines: Sequence[records.LogLine]) -> str:
    """Delete in every region all that a drill's log says was sent, acknowledged or not.

    Try every region, even if another fails, and raise all failures. Return in words what cannot be deleted, or an empty
    text.
    """
    sent = [line for line in lines if isinstance(line, records.Sent)]
    items = sorted({line.name for line in sent if line.what == "item"})
    patient = probes.with_clients(clients)
    work: list[Coroutine[Any, Any, None]] = [patient.clear(side, items) for side in target.sides if items]
    if any(line.what == "object" for line in sent):
        work.append(_clear_objects(target, clients, drill))
    await together(work)
    if items and not probes.can_delete:
        return f"{len(items)} items stay, which begin with drill-{drill}: no path of dr.yaml deletes them"
    return ""


async def _clear_objects(target: Target, clients: Clients, drill: str) -> None:
    errors: list[BuilderError] = []
    # The source first: otherwise it could still replicate an object that is deleted already at the destination.
    for side in target.sides:
        if side.bucket is not None:
            try:
                await delete_objects(clients, side, drill)
            except BuilderError as error:
                errors.append(error)
    if errors:
        raise gathered(errors)


async def _closed(context: DrillContext, probes: Probes, clock: records.DrillClock, log: records.DrillLog) -> None:
    lines = records.read_log(context.folder / records.FILE_NAME)
    # A function may still write what it did not answer, which would then be there after the deletion.
    await asyncio.sleep(max(0.0, last_unanswered_s(lines) + LINGERS_S - clock.passed_s()))
    with remaining(context.target.deployment, f"probes of drill {context.drill} are not cleared away"):
        left = await clear(context.target, probes, context.clients, context.drill, lines)
    log.write(records.LogClosed())
    if left:
        context.emit(DrillNote(context.drill, left))


_LATER = f"{RESTORE}    once every region answers"


async def undo_faults(primary: Function, clients: Clients, emit: DrillEmit) -> bool:
    """Undo whatever drills changed, without any log and without any other region: people wait for this.

    Return whether there was anything to undo.
    """
    notes, errors = await observe_each_note(clients, primary), list[BuilderError]()
    for note in notes:
        # A note that cannot be read or undone does not keep the others from being undone.
        if isinstance(note, BuilderError):
            errors.append(note)
            continue
        try:
            undone = await changes.undo(clients, primary, note.drill)
        except BuilderError as error:
            errors.append(error)
        else:
            emit(DrillRestored(note.drill, undone.words if undone else "somebody else has undone it"))
    if errors:
        raise gathered(errors)
    return bool(notes)


async def delete_probes(  # noqa: PLR0913  which deployment, how it is found and reached, whose logs, who is told
    deployment: str,
    find: Callable[[], Awaitable[Target]],
    clients: Clients,
    drills: Path,
    emit: DrillEmit,
    *,
    access: Access,
) -> bool:
    """Delete the probes of drills whose logs are in this folder; every region has to answer.

    Each drill's log says how its probes were written, whatever dr.yaml says now. Return whether there was anything to
    delete. The target is found only if there is.
    """
    left, errors = _unfinished_logs(deployment, drills)
    if left:
        with remaining(deployment, f"probes of {len(left)} drills remain", _LATER):
            target = await find()
        errors += await _delete_unfinished(left, target, clients, access, emit)
    if errors:
        raise gathered(errors)
    return bool(left)


_Unfinished = Mapping[Path, tuple[records.LogOpened, Sequence[records.LogLine]]]
"""The drills that did not end: the first line and all lines of the log, by its path."""


async def _delete_unfinished(
    left: _Unfinished, target: Target, clients: Clients, access: Access, emit: DrillEmit
) -> list[BuilderError]:
    """Delete the probes of each drill, even if another's cannot be deleted, and return the errors."""
    errors = list[BuilderError]()
    for path, (opened, lines) in left.items():
        try:
            with remaining(target.deployment, f"probes of drill {opened.drill} remain", _LATER):
                probes = await make_probes(opened.probe, target, clients, access)
                stays = await clear(target, probes, clients, opened.drill, lines)
        except BuilderError as error:
            errors.append(error)
            continue
        with records.DrillLog(path) as log:
            log.write(records.LogClosed())
        emit(DrillRestored(opened.drill, stays or "its probes are gone from every region"))
    return errors


def _unfinished_logs(deployment: str, drills: Path) -> tuple[_Unfinished, list[BuilderError]]:
    """Return the drills of a folder that did not end, and an error for each log that cannot be read."""
    unfinished, errors = {}, list[BuilderError]()
    for path in sorted(drills.glob(f"*/{records.FILE_NAME}")):
        try:
            lines = records.read_log(path)
        except BuilderError as error:
            errors.append(error)
            continue
        opened = records.unfinished(lines)
        if opened is not None and opened.deployment == deployment:
            unfinished[path] = opened, lines
    return unfinished, errors
