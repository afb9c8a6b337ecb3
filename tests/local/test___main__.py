import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.processes


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "builder.local"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        announcement = json.loads(running.stdout.readline())
        assert announcement["endpoint"].startswith("http://127.0.0.1:")
        yield running
        running.kill()


def test_it_ends_well_when_its_stdin_is_closed(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.write(b"what a parent writes does not matter\n")
    child.stdin.close()
    assert child.wait(2.0) == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_on_a_signal(child: "subprocess.Popen[bytes]", signum: signal.Signals) -> None:
    child.send_signal(signum)
    assert child.wait(2.0) == 0


def test_it_says_why_it_cannot_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "builder.local", "--port", str(port)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            error = json.loads(child.stdout.read())
            assert child.stderr.read() == b""
    assert child.returncode == 1
    assert error["where"] == f"127.0.0.1:{port}"
    assert set(error) == {"where", "what", "next"}
