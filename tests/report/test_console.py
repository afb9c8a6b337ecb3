import io
import json
import os
import pty
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from builder.deploy import progress as said
from builder.deploy.progress import Progress
from builder.errors import Stopped
from builder.report.console import Console, in_words
from builder.terms import LogicalId, StackId

TABLE = StackId("us-east-1/table")
EVERY_EVENT: list[tuple[Progress, str]] = [
    (said.Planning(TABLE, "CREATE"), "change set asked for (CREATE)"),
    (said.Planned(TABLE, 2), "change set stands: 2 changes"),
    (said.Unchanged(TABLE), "unchanged"),
    (said.Waiting(TABLE, "UPDATE_IN_PROGRESS"), "waiting for another's operation (UPDATE_IN_PROGRESS)"),
    (
        said.Waiting(TABLE, "UPDATE_IN_PROGRESS", "Console-1"),
        "waiting for another's operation (UPDATE_IN_PROGRESS, token Console-1)",
    ),
    (said.Started(TABLE, "CREATE"), "started (CREATE)"),
    (said.Skipping(TABLE, (LogicalId("A"), LogicalId("B"))), "rolling back without A, B"),
    (said.Status(TABLE, "CREATE_COMPLETE"), "CREATE_COMPLETE"),
    (said.FirstFailure(TABLE, "Table (T)", "limit"), "FAILED Table (T): limit"),
    (said.FirstFailure(TABLE, "", "limit"), "FAILED limit"),
    (said.NotStarted(TABLE, "x failed"), "not started: x failed"),
    (said.Emptied(TABLE, "bucket", 2000), "bucket: 2,000 versions removed"),
]


def ticking() -> Iterator[datetime]:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    while True:
        yield now
        now += timedelta(seconds=1)


def console(*, json_events: bool = False) -> Console:
    ticks = ticking()
    return Console(json_events=json_events, now=lambda: next(ticks))


@pytest.mark.parametrize(("event", "words"), EVERY_EVENT)
def test_every_event_has_words(event: Progress, words: str) -> None:
    assert in_words(event) == words


def test_in_a_pipe_an_event_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with console().progress() as emit:
        emit(said.Status(TABLE, "CREATE_COMPLETE"))
    assert capsys.readouterr().out == "12:00:00  us-east-1/table          CREATE_COMPLETE\n"


def test_with_json_events_go_to_stdout_and_people_s_text_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    wire = console(json_events=True)
    with wire.progress() as emit:
        emit(said.Unchanged(TABLE))
    wire.say("for people")
    wrote = capsys.readouterr()
    assert json.loads(wrote.out)["event"] == "stack.unchanged"
    assert wrote.err == "for people\n"


def test_people_s_text_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console().say("[bold]not markup[/bold] :smile: " + "long " * 60)
    assert capsys.readouterr().out == "[bold]not markup[/bold] :smile: " + "long " * 60 + "\n"


def test_on_a_terminal_the_stacks_are_a_table_with_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, screen = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    with os.fdopen(screen, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with console().progress() as emit:
            for event, _ in EVERY_EVENT:
                emit(event)
            emit(said.Status(StackId("us-west-2/service"), "CREATE_IN_PROGRESS"))
            emit(said.Status(StackId("us-west-2/storage"), "ROLLBACK_COMPLETE"))
        terminal.flush()
        time.sleep(0.1)  # the terminal's own buffer, which nobody can ask whether it is done
        text = os.read(shown, 1 << 20).decode()
    os.close(shown)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert "us-east-1/table" in plain
    assert re.search(r"us-west-2/service\s+CREATE_IN_PROGRESS\s+\d+\.\d s", plain)


def test_a_question_without_a_terminal_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(Stopped, match="no terminal"):
        console().ask("Go on?", "yes")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_question_wants_its_very_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal("tap-dev\ny\n"))
    console().ask("Name?", "tap-dev")
    with pytest.raises(Stopped, match="declined"):
        console().ask("Go on?", "yes")
    assert capsys.readouterr().out == "Name? [tap-dev] Go on? [yes] "
