"""Nothing that AWS or a file says steers a terminal: hostile texts through every record and every output."""

import itertools
import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import pytest
from rich.text import Text

from builder.assembly.diagram import Diagram
from builder.assembly.finding import Finding
from builder.cli import main as cli_main
from builder.deploy.backfill.drained import Drained
from builder.deploy.execute.halted import Recovery
from builder.deploy.observe.deployment import Outputs
from builder.deploy.progress import Outcome
from builder.deploy.records import RISKS, Deferred, Deletion, Plan, Step
from builder.drill.findings import DrillProgress, FailoverReport, Happening, MomentName, ReplicationReport
from builder.drill.history import Drill, Group, History, Number, Trend
from builder.drill.verdict import Verdict
from builder.errors import BuilderError, Failed, Several
from builder.fleet.drop import LeavingAccount
from builder.fleet.progress import FleetEnd, FleetProgress
from builder.fleet.records import FleetPlan
from builder.report import (
    as_json,
    drill_history,
    drill_page,
    drill_text,
    fleet,
    fleet_plan,
    html,
    markdown,
    offline,
    promotion,
    state,
    text,
)
from builder.report.console import Console
from builder.report.promotion import PromotionSeen
from builder.report.screen import printable, say
from builder.state.records import Differences, Status
from builder.terms import Region
from report.hostile import STEERING, STEERS, make

TIMELINE = tuple(Happening(name, 1.0) for name in typing.get_args(MomentName))
VERDICTS = typing.get_args(Verdict)
AT = datetime(2026, 11, 28, tzinfo=UTC)


def kinds(union: Any) -> tuple[Any, ...]:
    return tuple(itertools.chain.from_iterable(kinds(member) for member in typing.get_args(union))) or (union,)


def plans() -> Iterator[Plan]:
    shown = make(Plan)
    yield shown
    for risk in RISKS:
        yield make(Plan, steps=(make(Step, risk=risk, stack="us-east-1/table"),), deferred=(), deletions=())
        yield make(Plan, steps=(), deferred=(make(Deferred, risk=risk),), deletions=(make(Deletion),))


def history() -> History:
    numbers = tuple(
        make(Number, name=name, verdict=verdict) for name in (STEERS, "rto_seconds") for verdict in VERDICTS
    )
    drill = make(Drill, began=AT.isoformat(), numbers=numbers)
    group = make(Group, drills=(drill,), trends=(Trend(name=STEERS, pair=STEERS, numbers=numbers[:1]),))
    made: History = make(History, groups=(group,))
    return made


def outputs() -> Iterator[tuple[str, str | Text]]:
    for number, shown in enumerate(plans()):
        yield f"plan {number} text", text.plan_text(shown)
        yield f"plan {number} markdown", markdown.plan_markdown(shown, STEERS)
        yield f"plan {number} html", html.plan_page(shown, STEERS)
        yield f"plan {number} json", as_json.made(shown, AT)
    for kind in kinds(Outcome):
        yield f"outcome {kind.__name__}", text.outcomes_text([make(kind)])
        yield f"outcome {kind.__name__} json", as_json.ended([make(kind)], AT)
    yield "fleet plan", fleet_plan.fleet_plan_text(make(FleetPlan))
    yield "fleet plan json", as_json.fleet_made(make(FleetPlan), AT)
    yield "fleet leaving", fleet.leaving_text(make(LeavingAccount))
    yield "fleet leaving json", as_json.fleet_leaving(make(LeavingAccount), AT)
    yield "fleet end json", as_json.fleet_ended(make(FleetEnd), AT)
    yield "status", state.status_text(make(Status), {STEERS: AT.date()}, AT)
    yield "status json", state.status_event(make(Status), {STEERS: AT.date()}, AT)
    seen = make(PromotionSeen)
    yield "status json with a promotion", state.status_event(make(Status), {}, AT, seen)
    yield "promotion under way", promotion.under_way_text(seen)
    yield "promotion checked", promotion.checked_text(make(Drained), Region(STEERS))
    for kind in (promotion.PromotionChecked, promotion.PromotionBegun, promotion.PromotionEnded):
        yield f"{kind.__name__} json", promotion.event(make(kind), AT)
    yield "promotion begun", promotion.begun_text(make(promotion.PromotionBegun), STEERS)
    yield "promotion ended", promotion.ended_text(make(promotion.PromotionEnded, is_done=False))
    yield "promotion waits", promotion.ended_text(make(promotion.PromotionEnded, is_done=False, left=()))
    yield "drift", state.drift_text(make(Differences))
    yield "drift json", state.drift_event(make(Differences), AT)
    yield "recoveries", text.recoveries_text([make(Recovery)])
    yield "findings", offline.as_text([make(Finding)])
    yield "finding json", offline.as_event(make(Finding), AT)
    yield "mermaid", offline.mermaid_diagram(make(Diagram))
    yield "dot", offline.dot_diagram(make(Diagram))
    yield "outputs json", as_json.outputs_read(STEERS, make(Outputs), AT)
    failover, replication = make(FailoverReport, timeline=TIMELINE), make(ReplicationReport)
    yield "failover text", drill_text.report_text(failover)
    yield "failover page", drill_page.drill_page(failover)
    yield "replication text", drill_text.report_text(replication)
    yield "replication page", drill_page.drill_page(replication)
    yield "history text", drill_history.history_text(history(), 100)
    yield "history page", drill_history.history_page(history(), PurePath(STEERS))
    yield "history json", drill_history.history_event(history(), AT)


@pytest.mark.slow
def test_no_output_steers_the_terminal_that_it_is_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    steers: list[str] = []
    for name, made in outputs():
        try:
            _assert_steers_nothing(name, made, capsys)
        except (AssertionError, ValueError) as error:
            steers.append(f"{name}: {error}")
    assert steers == []


def _assert_steers_nothing(name: str, made: str | Text, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json_events=False, now=lambda: AT, environment={})
    if isinstance(made, Text):
        console.say(made)
    elif name.endswith(("markdown", "html", "page")):
        say(str(made))  # `cat plan.md`
        assert STEERING.isdisjoint(str(made)), "a page is read by more than our own screen"
    else:
        console.result(str(made))
    wrote = capsys.readouterr().out
    assert wrote.strip()
    assert STEERING.isdisjoint(wrote)
    if name.endswith("json"):
        json.loads(wrote)


EVENTS = [*kinds(FleetProgress), *kinds(DrillProgress)]


@pytest.mark.parametrize("kind", EVENTS, ids=[kind.__name__ for kind in EVENTS])
@pytest.mark.parametrize("json_events", [True, False])
def test_no_event_steers_the_terminal(kind: Any, *, json_events: bool, capsys: pytest.CaptureFixture[str]) -> None:
    event = make(kind)
    console = Console(json_events=json_events, now=lambda: AT, environment={})
    if kind in kinds(DrillProgress):
        console.say(drill_text.drill_event_words(event))
        console.result(as_json.event(event, AT))
    else:
        with console.progress() as emit:
            emit(event)
    assert STEERING.isdisjoint(capsys.readouterr().out)


def subclasses(kind: type[BuilderError]) -> Iterator[type[BuilderError]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


@pytest.mark.parametrize("kind", sorted(set(subclasses(BuilderError)), key=str))
def test_no_error_steers_the_terminal(
    kind: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"where": STEERS, "what": STEERS, "next_step": STEERS}
    code = {"code": STEERS} if kind.__name__ == "AwsError" else {}
    error = Several([Failed(**facts)]) if kind is Several else kind(**facts, **code)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli_main.cli, "main", fails)
    assert cli_main.main([]) == error.exit_code
    wrote = capsys.readouterr().err
    assert "end" in wrote
    assert STEERING.isdisjoint(wrote)


# As Python reads an argument that is no UTF-8.
ARGUMENT = STEERS.replace("\ud800", "\udc80")


@pytest.mark.parametrize(
    "arguments", [[ARGUMENT], ["--config", ARGUMENT, "render"], ["outputs", ARGUMENT], ["show", ARGUMENT]]
)
def test_no_argument_steers_the_terminal(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli_main.main(arguments) == 2
    wrote = capsys.readouterr()
    assert STEERING.isdisjoint(wrote.out + wrote.err)


def test_a_bug_is_told_without_steering_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Exception):
        def __repr__(self) -> str:
            return STEERS

    def fails(*_: object, **__: object) -> None:
        raise Odd

    monkeypatch.setattr(cli_main.cli, "main", fails)
    assert cli_main.main([]) == 70
    assert STEERING.isdisjoint(capsys.readouterr().err)


def test_a_control_character_can_be_read() -> None:
    assert printable("a\x1b[31mb\nc\u202ed\x9be\ud800") == "a\\x1b[31mb\nc\\u202ed\\x9be\\ud800"


def test_a_stream_that_lacks_a_character_gets_its_escape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as narrow:
        monkeypatch.setattr("sys.stdout", narrow)
        say("naïve … \U0001f600")
    assert (tmp_path / "out").read_text() == "na\\xefve \\u2026 \\U0001f600\n"
