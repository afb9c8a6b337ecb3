"""The shipped system, its buckets replicating both ways, on the embedded AWS; each test leaves it as it was."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from answer import ROOT, Command
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.local import EmbeddedAws
from failback.stage import ACCOUNT, Stage, reached


@pytest.fixture(scope="session")
def two_way(embedded: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its dr.yaml."""
    folder = tmp_path_factory.mktemp("failback")
    shutil.copytree(ROOT / "lambda", folder / "lambda", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    dr_yaml = (ROOT / "dr.yaml").read_text()
    assert "\nbucket:\n" in dr_yaml
    (folder / "dr.yaml").write_text(dr_yaml.replace("\nbucket:\n", "\nbucket:\n  replication: two-way\n"))
    config = ("--config", str(folder / "dr.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        reached(embedded.endpoint, patch)
        for verb in (("render",), ("deploy", "--yes")):
            assert main([*config, *verb], partial(Session, tempo=Tempo.quick())) == 0
    return folder


@pytest.fixture
def stage(two_way: Path, embedded: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, builder: Command) -> Iterator[Stage]:
    reached(embedded.endpoint, monkeypatch)
    monkeypatch.chdir(two_way)
    made = Stage(embedded.endpoint, ACCOUNT, builder)
    yield made
    made.clear()
