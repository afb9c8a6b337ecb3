import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.drill.records import (
    DrillLog,
    LogClosed,
    LogLine,
    LogOpened,
    Mark,
    Read,
    Sent,
    Sighting,
    Turn,
    Unsent,
    Write,
    read_log,
    unfinished,
)
from builder.errors import BadInput, Failed
from drill.full_disk import fill_up
from drill.hand_made import PRIMARY, SECONDARY, attempt, over, seen

OPENED = LogOpened("d1", "tap-dev", "2026-01-01T12:00:00+00:00")


def test_every_kind_of_line_comes_back_as_it_was_written(tmp_path: Path) -> None:
    lines: list[LogLine] = [OPENED, Sent("b", "item"), over("b", 1.0), seen("b", 1.5), Mark("fault", 2.0), LogClosed()]
    with DrillLog(tmp_path / "deep" / "log.jsonl") as log:
        for line in lines:
            log.write(line)
    assert read_log(tmp_path / "deep" / "log.jsonl") == tuple(lines)


def test_what_version_2_writes_comes_back_too(tmp_path: Path) -> None:
    read_attempts, write_attempts = (attempt(PRIMARY, 1.0, 429), attempt(SECONDARY, 1.1)), (attempt(SECONDARY, 1.2),)
    lines: list[LogLine] = [
        LogOpened("d1", "tap-dev", "2026-01-01T12:00:00+00:00", 2),
        Sent("b", "item", 0.9, "k"),
        Write("b", "item", "{}", read_attempts, planned_s=0.9, called_s=0.95, key="k", number=2, deletes=True),
        Unsent(1.0, "object"),
        Sighting("k", SECONDARY, 1.5, 2),
        Read(SECONDARY, "item", 1.4, 1.5),
        Turn(
            number=1,
            planned_s=1.0,
            read=read_attempts,
            turn_read=0,
            value_read=0,
            value_written=1,
            write=write_attempts,
        ),
        Turn(number=2, planned_s=2.0, read=read_attempts[:1], turn_read=None, value_read=None, value_written=None),
    ]
    with DrillLog(tmp_path / "log") as log:
        log.write(*lines)
    assert read_log(tmp_path / "log") == tuple(lines)


def test_a_log_of_version_1_can_still_be_cleared_away_by(tmp_path: Path) -> None:
    attempts = '[{"region": "us-east-1", "began_s": 1.0, "ended_s": 1.01, "status": 201}]'
    (tmp_path / "log").write_text(
        '{"drill": "d1", "deployment": "tap-dev", "began": "2026-01-01T12:00:00+00:00", "kind": "opened"}\n'
        '{"id": "a", "what": "item", "kind": "sent"}\n'
        f'{{"id": "a", "what": "item", "body": "b", "attempts": {attempts}, "kind": "write"}}\n'
        '{"id": "a", "region": "us-west-2", "at_s": 1.5, "kind": "seen"}\n'
        '{"moment": "fault", "at_s": 2.0, "kind": "mark"}\n'
    )
    opened, sent, write, sighting, _ = read_log(tmp_path / "log")
    assert isinstance(opened, LogOpened)
    assert opened.version == 1
    assert isinstance(sent, Sent)
    assert sent.name == "a"
    assert isinstance(write, Write)
    assert write.name == "a"
    assert sighting == seen("a", 1.5)
    assert unfinished([opened, sent]) == opened


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    with DrillLog(tmp_path / "log") as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.write(Sent(f"{number}", "item")), range(800)))
    assert len(read_log(tmp_path / "log")) == 800


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path: Path) -> None:
    with DrillLog(tmp_path / "log") as log:
        log.write(OPENED)
    with (tmp_path / "log").open("a") as file:
        file.write('{"id": "half')
    assert read_log(tmp_path / "log") == (OPENED,)


@pytest.mark.processes
def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from builder.drill.records import DrillLog as Log; "
        "from builder.drill.records import Sent; log = Log(Path(sys.argv[1])); "
        "log.write(Sent('a', 'item')); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "log"], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert read_log(tmp_path / "log") == (Sent("a", "item"),)


def test_another_file_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"kind": "novel"}\n')
    with pytest.raises(BadInput, match="is not a drill's log"):
        read_log(tmp_path / "log")


def test_a_drill_is_unfinished_until_its_log_is_closed() -> None:
    assert unfinished([OPENED, Sent("a", "item")]) == OPENED
    assert unfinished([OPENED, Sent("a", "item"), LogClosed()]) is None
    assert unfinished([]) is None


def test_a_full_disk_is_told_and_what_was_written_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with DrillLog(path) as log:
        log.write(OPENED)
        fill_up(path)
        with pytest.raises(Failed, match="log: cannot be written: No space left on device"):
            log.write(Mark("fault", 1.0))
    assert read_log(path) == (OPENED,)
