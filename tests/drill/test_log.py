import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.drill.log import Log, read_log, unfinished
from builder.drill.records import Closed, Line, Mark, Opened, Sent
from builder.errors import BadInput, Failed
from drill.full_disk import fill_up
from drill.hand_made import over, seen

OPENED = Opened("d1", "tap-dev", "2026-01-01T12:00:00+00:00")


def test_every_kind_of_line_comes_back_as_it_was_written(tmp_path: Path) -> None:
    lines: list[Line] = [OPENED, Sent("b", "item"), over("b", 1.0), seen("b", 1.5), Mark("fault", 2.0), Closed()]
    with Log(tmp_path / "deep" / "log.jsonl") as log:
        for line in lines:
            log.write(line)
    assert read_log(tmp_path / "deep" / "log.jsonl") == tuple(lines)


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    with Log(tmp_path / "log") as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.write(Sent(f"{number}", "item")), range(800)))
    assert len(read_log(tmp_path / "log")) == 800


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path: Path) -> None:
    with Log(tmp_path / "log") as log:
        log.write(OPENED)
    with (tmp_path / "log").open("a") as file:
        file.write('{"id": "half')
    assert read_log(tmp_path / "log") == (OPENED,)


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from builder.drill.log import Log; "
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
    assert unfinished([OPENED, Sent("a", "item"), Closed()]) is None
    assert unfinished([]) is None


def test_a_full_disk_is_told_and_what_was_written_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with Log(path) as log:
        log.write(OPENED)
        fill_up(path)
        with pytest.raises(Failed, match="log: cannot be written: No space left on device"):
            log.write(Mark("fault", 1.0))
    assert read_log(path) == (OPENED,)
