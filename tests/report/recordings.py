"""Six plans recorded from the fake AWS, and everything people see of each; scripts/goldens.py keeps them."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rich.console import Console as RichConsole
from rich.console import Group

from builder.deploy import Outcome, Plan, PlanId, TrustedInput, execute_plan, make_plan, write_plan
from builder.deploy.desired import Deployment
from builder.deploy.progress import Progress
from builder.report import as_json, html, markdown, text
from builder.report.board import Board
from builder.report.console import Console
from deploy.rig import Rig, edited

_WIDTH, _HEIGHT = 120, 40
TimedEvent = tuple[Progress, datetime]


@dataclass(frozen=True, slots=True)
class Recording:
    """One `deploy`: the plan, what was said while it was made and carried out, and how that ended."""

    plan: Plan
    ended_at: datetime
    planning: tuple[TimedEvent, ...]
    executing: tuple[TimedEvent, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


@dataclass
class _Recorder:
    rig: Rig = field(default_factory=Rig)
    events: list[TimedEvent] = field(default_factory=list)

    def now(self) -> datetime:
        return self.rig.world.EPOCH + timedelta(seconds=self.rig.world.now)

    def emit(self, event: Progress) -> None:
        self.events.append((event, self.now()))

    def plan(self, name: str, deployment: Deployment | None = None) -> Recording:
        self.events.clear()
        plan_id = PlanId(id=name, at=self.now().isoformat(timespec="seconds"))
        desired = deployment or self.rig.deployment
        plan = self.rig.run(lambda: make_plan(desired, self.rig.clients, plan_id, self.emit))
        return Recording(plan, self.now(), tuple(self.events))

    def deploy(self, name: str, deployment: Deployment | None = None) -> Recording:
        planned = self.plan(name, deployment)
        self.events.clear()
        trusted = TrustedInput(deployment=deployment or self.rig.deployment)
        ended = self.rig.run(lambda: execute_plan(planned.plan, trusted, self.rig.clients, self.emit))
        return replace(planned, executing=tuple(self.events), outcomes=ended, ended_at=self.now())


def _deployed() -> _Recorder:
    recorder = _Recorder()
    recorder.rig.deploy()
    return recorder


def _first() -> Recording:
    recorder = _Recorder()
    recorder.rig.world.script.takes(75, resource="Table")
    return recorder.deploy("first")


def _update() -> Recording:
    """Both functions get more memory, one bucket stops keeping versions, and somebody reviews another change set."""
    recorder = _deployed()
    deployment = recorder.rig.deployment
    recorder.plan("theirs", edited(deployment, "us-west-2/service", "Timeout: 10", "Timeout: 30"))
    for stack in ("us-east-1/service", "us-west-2/service"):
        deployment = edited(deployment, stack, "MemorySize: 256", "MemorySize: 512")
    kept = "VersioningConfiguration:\n        Status: Enabled"
    return recorder.plan("update", edited(deployment, "us-west-2/storage", kept, kept.replace("Enabled", "Suspended")))


def _replacement() -> Recording:
    """The table gets another name, which replaces it."""
    recorder = _deployed()
    deployment = edited(recorder.rig.deployment, "us-east-1/table", "-global", "-items")
    return recorder.plan("replacement", edited(deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))


def _nothing() -> Recording:
    return _deployed().deploy("nothing")


def _failure() -> Recording:
    recorder = _deployed()
    recorder.rig.world.script.takes(40, resource="Bucket")
    recorder.rig.world.script.fails("UPDATE", "Table", reason="Subscriber limit exceeded: <50> PITR tables | account")
    deployment = edited(recorder.rig.deployment, "us-east-1/table", "Enabled: true", "Enabled: false")
    for stack in ("us-east-1/service", "us-west-2/service"):
        deployment = edited(deployment, stack, "MemorySize: 256", "MemorySize: 512")
    return recorder.deploy("failure", deployment)


def _deferred() -> Recording:
    """Two regions more for the table, which takes one at a time, and what is left of a failed creation."""
    recorder = _Recorder()
    recorder.rig.world.script.fails("CREATE", "Function", reason="Handler is wrong", region="us-west-2")
    recorder.rig.deploy()
    table = recorder.rig.stack("us-east-1/table").template
    second = table[table.index("        - Region: us-west-2") : table.index("\nOutputs:")]
    more = second + "".join(second.replace("us-west-2", region) for region in ("eu-west-1", "eu-central-1"))
    return recorder.plan("deferred", edited(recorder.rig.deployment, "us-east-1/table", second, more))


RECORDED: Mapping[str, Callable[[], Recording]] = {
    "first": _first,
    "update": _update,
    "replacement": _replacement,
    "nothing": _nothing,
    "failure": _failure,
    "deferred": _deferred,
}


def goldens(name: str) -> dict[str, str]:
    """Return every file of one recording by its name: the plan, and the run as each kind of reader sees it."""
    recording = RECORDED[name]()
    file = f"{name}.json"
    return {
        file: write_plan(recording.plan).decode(),
        f"{name}.jsonl": _with_console(recording, json_events=True),
        f"{name}.pipe.txt": _with_console(recording, json_events=False),
        f"{name}.terminal.txt": _on_a_terminal(recording),
        f"{name}.md": markdown.plan_markdown(recording.plan, file),
        f"{name}.html": html.plan_page(recording.plan, file),
    }


@dataclass
class _Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


def _with_console(recording: Recording, *, json_events: bool) -> str:
    """Return what goes to stdout where nobody looks on, at the times of the recording."""
    clock = _Clock(recording.ended_at)
    with redirect_stdout(io.StringIO()) as written, redirect_stderr(io.StringIO()):
        console = Console(json_events=json_events, now=clock, environment={})
        _replay(recording.planning, console, clock)
        if json_events:
            console.result(as_json.made(recording.plan, clock()))
        console.say(text.plan_text(recording.plan))
        if recording.outcomes:
            _replay(recording.executing, console, clock)
            clock.now = recording.ended_at
            if json_events:
                console.result(as_json.ended(recording.outcomes, clock()))
            console.say(text.outcomes_text(recording.outcomes))
    return written.getvalue()


def _replay(events: Iterable[TimedEvent], console: Console, clock: _Clock) -> None:
    with console.progress() as emit:
        for event, clock.now in events:
            emit(event)


def _on_a_terminal(recording: Recording) -> str:
    """Return the plan and the outcomes in colour, and between them the live table half-way and at its end."""
    written = io.StringIO()
    screen = RichConsole(
        file=written, force_terminal=True, color_system="256", width=_WIDTH, highlight=False, soft_wrap=True
    )
    screen.print(text.plan_text(recording.plan), end="\n\n")
    for part in (recording.executing[: len(recording.executing) // 2], recording.executing):
        if part:
            screen.print(_frame(part), soft_wrap=False)
            screen.print()
    if recording.outcomes:
        screen.print(text.outcomes_text(recording.outcomes))
    return "\n".join(line.rstrip() for line in written.getvalue().split("\n"))


def _frame(events: Sequence[TimedEvent]) -> Group:
    board = Board(started=events[0][1])
    for event, at in events:
        board.take(event, at)
    return board.frame(events[-1][1], _WIDTH, _HEIGHT)
