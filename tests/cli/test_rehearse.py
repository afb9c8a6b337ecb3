import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from answer import ROOT, Command


@pytest.mark.processes
def test_a_rehearsal_ends_in_0_and_says_what_the_readme_shows(builder: Command, project: Path) -> None:
    answer = builder("rehearse")
    assert answer.code == 0, answer
    shown = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert shown
    for line in filter(None, shown[1].splitlines()):
        pattern = re.sub(r"\d+\\.\d+\\ s", r"\\d+\\.\\d+\\ s", re.escape(line))
        assert re.search(f"^{pattern}$", answer.out, flags=re.MULTILINE), line


@pytest.mark.processes
def test_a_rehearsal_that_fails_ends_in_1(builder: Command, project: Path) -> None:
    (project / "lambda/python/index.py").write_text("def handler(event, context):\n    return {'statusCode': 500}\n")
    answer = builder("rehearse")
    assert answer.code == 1
    assert answer.err.startswith("error: https://")


def test_another_s_assembly_of_a_fleet_is_refused(builder: Command, project: Path) -> None:
    answer = builder("rehearse", "--fleet", "--assembly", "templates")
    assert answer.code == 2
    assert "another assembly's is not rehearsed" in answer.err


def test_an_assembly_that_is_rehearsed_is_of_an_environment(builder: Command, project: Path) -> None:
    answer = builder("rehearse", "--assembly", "templates")
    assert (answer.code, "--env SUFFIX" in answer.err) == (2, True)


@pytest.mark.acceptance
@pytest.mark.processes
def test_an_interrupted_rehearsal_ends_its_aws_and_says_so(project: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "builder", "rehearse"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as rehearsal:
        assert rehearsal.stdout is not None
        lines = iter(rehearsal.stdout.readline, "")
        endpoint = next(
            match[1] for line in lines if (match := re.search(r"listens at http://127\.0\.0\.1:(\d+)", line))
        )
        next(line for line in lines if line.startswith("use  ["))  # with Lambda workers about to run
        rehearsal.send_signal(signal.SIGINT)
        _, err = rehearsal.communicate(timeout=20)
    assert rehearsal.returncode == 130
    assert err.endswith("interrupted: the embedded AWS is gone, and with it all that stood there\n")
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(endpoint))):
        pass
