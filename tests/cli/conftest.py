import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from answer import Command
from cli.fleet_rig import FleetCommand, render


@pytest.fixture
def hung_up() -> Iterator[None]:
    """SIGHUP does what it does by itself, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def deployed(project: Path, credentials: None, builder: Command) -> Command:
    """The command line, with the shipped system deployed as synthmfm20."""
    answer = builder("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    return builder


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> FleetCommand:
    """The fleet's command line on the fake AWS, in a folder with a rendered fleet."""
    monkeypatch.chdir(tmp_path)
    render(tmp_path / "templates")
    return FleetCommand(capsys)


@pytest.fixture
def standing(fleet: FleetCommand) -> FleetCommand:
    """The same, with the fleet deployed."""
    answer = fleet("deploy", "--yes")
    assert answer.code == 0, answer
    return fleet
