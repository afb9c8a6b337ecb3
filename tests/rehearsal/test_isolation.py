import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from builder.local.environment import is_hostile
from builder.rehearsal.stage import isolated


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "https_proxy", "ALL_PROXY", "BOTO_CONFIG"])
def test_what_could_lead_elsewhere_is_put_away_and_comes_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "elsewhere")
    assert is_hostile(name)
    with isolated("http://127.0.0.1:1", "123456789012", "us-east-1"):
        assert os.environ.get(name) != "elsewhere"
        assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert os.environ[name] == "elsewhere"


def test_other_variables_stay() -> None:
    assert not is_hostile("PATH")
    with isolated("http://127.0.0.1:1", "123456789012", "us-east-1"):
        assert "PATH" in os.environ


@pytest.mark.processes
def test_a_rehearsal_amid_hostile_settings_reaches_loopback_only(project: Path, tmp_path: Path) -> None:
    """Every connection of the process and its children is watched by an audit hook; the trap must stay untouched."""
    trap = socket.socket()
    trap.bind(("127.0.0.1", 0))
    trap.listen()
    trap.settimeout(0)
    trap_url = f"http://127.0.0.1:{trap.getsockname()[1]}"
    (tmp_path / "config").write_text("[profile evil]\nregion = eu-west-1\nendpoint_url = " + trap_url + "\n")
    spy = tmp_path / "spy"
    spy.mkdir()
    log = tmp_path / "connections"
    (spy / "sitecustomize.py").write_text(
        "import sys\n"
        "def hook(event, args):\n"
        "    if event == 'socket.connect' and isinstance(args[1], tuple):\n"
        f"        open({str(log)!r}, 'a').write(args[1][0] + '\\n')\n"
        "    if event == 'socket.getaddrinfo':\n"
        f"        open({str(log)!r}, 'a').write(str(args[0]) + '\\n')\n"
        "sys.addaudithook(hook)\n"
    )
    hostile = {
        "AWS_PROFILE": "evil",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": trap_url,
        "AWS_ENDPOINT_URL_CLOUDFORMATION": trap_url,
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SESSION_TOKEN": "real",
        "HTTP_PROXY": trap_url,
        "https_proxy": trap_url,
        "PYTHONPATH": str(spy),
    }
    done = subprocess.run(
        [sys.executable, "-m", "builder", "rehearse"],
        env={**os.environ, **hostile},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(BlockingIOError):
        trap.accept()
    assert set(log.read_text().split()) <= {"127.0.0.1", "localhost", "::1", "None"}
