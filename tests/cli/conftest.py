import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import pytest

from answer import ROOT, Command
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.local import EmbeddedAws
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
def on_deployed(command: OnWorld) -> OnWorld:
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
def on_deployed_fleet(fleet: OnWorld) -> OnWorld:
    """The same, with the fleet deployed."""
    fleet.world = deployed_fleet()
    return fleet


@pytest.fixture(scope="session")
def shared_account(embedded: EmbeddedAws) -> str:
    """An account of the embedded AWS with the shipped system deployed as synthmfm20."""
    account = "000020202020"
    with pytest.MonkeyPatch.context() as patch:
        _reach(embedded, account, patch)
        line = ("--config", str(ROOT / "dr.yaml"), "--env", "synthmfm20", "deploy", "--yes")
        assert main(line, partial(Session, tempo=Tempo.quick())) == 0
    return account


@pytest.fixture
def shared(
    project: Path, embedded: EmbeddedAws, shared_account: str, monkeypatch: pytest.MonkeyPatch, builder: Command
) -> Command:
    """The command line on the embedded AWS, with a deployment of which each test leaves everything as it was."""
    assert project.is_dir()
    _reach(embedded, shared_account, monkeypatch)
    return builder


@pytest.fixture
def shared_session(shared: Command) -> boto3.Session:
    return boto3.Session(region_name="us-east-1")


def _reach(embedded: EmbeddedAws, account: str, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ENDPOINT_URL", embedded.endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", account)
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def deployed(project: Path, credentials: None, builder: Command) -> Command:
    """The same, with a deployment of the test's own, which it may change."""
    answer = builder("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    return builder
