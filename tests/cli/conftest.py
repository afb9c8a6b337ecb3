import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from answer import Command
from cli.on_fake import OnWorld, deployed_fleet, deployed_world, render
from fake_aws import World


@pytest.fixture
def hung_up() -> Iterator[None]:
    """SIGHUP does what it does by itself, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def command(project: Path, capsys: pytest.CaptureFixture[str]) -> OnWorld:
    """The command line on the fake AWS, in a project's folder."""
    assert project.is_dir()
    return OnWorld(capsys)


@pytest.fixture
def standing(command: OnWorld) -> OnWorld:
    """The same, with the shipped system deployed as dev."""
    command.world = deployed_world()
    return command


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> OnWorld:
    """The fleet's command line on the fake AWS, in a folder with a rendered fleet."""
    monkeypatch.chdir(tmp_path)
    render(tmp_path / "templates")
    return OnWorld(capsys, World(page_size=20), before=("--env", "dev", "--assembly", "templates", "fleet"))


@pytest.fixture
def standing_fleet(fleet: OnWorld) -> OnWorld:
    """The same, with the fleet deployed."""
    fleet.world = deployed_fleet()
    return fleet


@pytest.fixture
def deployed(project: Path, credentials: None, builder: Command) -> Command:
    """The command line on the embedded AWS, with the shipped system deployed as synthmfm20."""
    answer = builder("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    return builder
