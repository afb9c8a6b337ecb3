import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from rich.text import Text

from builder.deploy import progress
from builder.errors import Stopped
from builder.report.console import Console
from builder.terms import StackId

TABLE = StackId("us-east-1/table")


def ticking() -> Iterator[datetime]:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    while True:
        yield now
        now += timedelta(seconds=1)


def console(*, json_events: bool = False) -> Console:
    ticks = ticking()
    return Console(json_events=json_events, now=lambda: next(ticks), environment=os.environ)


def test_in_a_pipe_an_event_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with console().progress() as emit:
        emit(progress.RunBegun("execute", (TABLE,)))
        emit(progress.ResourceProgress(TABLE, "Table (T)", "CREATE_IN_PROGRESS"))  # of which there are too many
        emit(progress.Finished(TABLE, "CREATE_COMPLETE"))
    assert capsys.readouterr().out.splitlines() == [
        "12:00:00                           executing: 1 stack",
        "12:00:01  us-east-1/table          done: CREATE_COMPLETE",
    ]


def test_a_long_id_makes_the_lines_of_its_run_wider(capsys: pytest.CaptureFixture[str]) -> None:
    long = StackId("us-east-1/security-groups-of-services")
    with console().progress() as emit:
        emit(progress.RunBegun("execute", (TABLE, long)))
        emit(progress.Finished(TABLE, "CREATE_COMPLETE"))
        emit(progress.Finished(long, "CREATE_COMPLETE"))
    start, *done = capsys.readouterr().out.splitlines()
    assert start.index("executing") == done[0].index("done:") == done[1].index("done:") == 10 + len(long) + 1


def test_with_json_events_go_to_stdout_and_people_s_text_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    wire = console(json_events=True)
    with wire.progress() as emit:
        emit(progress.Unchanged(TABLE))
    wire.say("for people")
    wrote = capsys.readouterr()
    assert json.loads(wrote.out)["event"] == "stack.unchanged"
    assert wrote.err == "for people\n"


def test_people_s_text_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console().say("[bold]not markup[/bold] :smile: " + "long " * 60)
    assert capsys.readouterr().out == "[bold]not markup[/bold] :smile: " + "long " * 60 + "\n"


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Make stdout a terminal; what is yielded reads what was written to it."""
    shown, screen = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with os.fdopen(screen, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)

        def read() -> str:
            stdout.flush()
            time.sleep(0.1)  # the terminal's own buffer, which nobody can ask whether it is done
            return os.read(shown, 1 << 20).decode()

        yield read
    os.close(shown)


def test_on_a_terminal_the_stacks_are_a_table_with_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as read:
        with console().progress() as emit:
            emit(progress.RunBegun("execute", (TABLE, StackId("us-west-2/service"))))
            emit(progress.Started(StackId("us-west-2/service"), "CREATE"))
            emit(progress.StatusChange(StackId("us-west-2/service"), "CREATE_IN_PROGRESS"))
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", read())
    assert re.search(r"━ +0 of 2 done, 1 running +\d+\.\d s", plain)
    assert re.search(r"us-west-2 +service +CREATE_IN_PROGRESS +\d+\.\d s", plain)


def test_colour_is_for_terminals_and_not_where_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Text("failed", style="red")
    with terminal(monkeypatch) as read:
        console().say(failed)
        assert "\x1b[31mfailed" in read()
        monkeypatch.setenv("NO_COLOR", "1")
        console().say(failed)
        assert "\x1b[31m" not in read()
    monkeypatch.undo()
    console().say(failed)
    assert capsys.readouterr().out == "failed\n"


def test_a_question_without_a_terminal_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(Stopped, match="no terminal"):
        console().ask("Go on?")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_question_wants_its_very_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal("tap-dev\ny\n"))
    console().ask("Name?", "tap-dev")
    with pytest.raises(Stopped, match="declined"):
        console().ask("Name?", "tap-dev")
    assert capsys.readouterr().out == "Name? [tap-dev] Name? [tap-dev] "


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y", True), ("YES", True), (" yes ", True), ("", False), ("ja", False)]
)
def test_a_question_that_wants_no_name_takes_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, *, goes_on: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(f"{answer}\n"))
    with nullcontext() if goes_on else pytest.raises(Stopped, match="declined"):
        console().ask("Go on?")
    assert capsys.readouterr().out == "Go on? [y/N] "


def test_a_warning_and_how_the_terminal_is_left_mix_with_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    console(json_events=True).warn("interrupted")
    console().leave()
    wrote = capsys.readouterr()
    assert wrote.out == ""
    assert wrote.err.startswith("interrupted\nleft: what CloudFormation has begun goes on there")


@pytest.mark.processes
@pytest.mark.parametrize("json_events", [False, True], ids=["text", "events"])
def test_a_reader_who_has_seen_enough_ends_nothing(json_events: bool) -> None:  # noqa: FBT001
    program = dedent(f"""
        import sys
        from datetime import UTC, datetime
        from builder.deploy import progress
        from builder.report.console import Console

        console = Console(json_events={json_events}, now=lambda: datetime.now(UTC), environment={{}})
        with console.progress() as emit:
            for _ in range(5000):
                emit(progress.StatusChange("us-east-1/table", "CREATE_IN_PROGRESS"))
        console.say("x" * 100_000)
        sys.stderr.write("went on to its end")
    """)
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr is not None
    stderr = running.stderr.read()
    assert (running.wait(timeout=60), stderr[-18:]) == (0, "went on to its end")


def test_what_takes_the_place_of_the_former_clears_a_terminal_and_no_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console().say("again", cleared=True)
    assert capsys.readouterr().out == "again\n"
    with terminal(monkeypatch) as read:
        console().say("again", cleared=True)
        assert "\x1b[2J" in read()
