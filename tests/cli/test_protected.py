"""A productive system that keeps its data, taken down: what stops, what is asked, what stays and what goes."""

import functools
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT
from builder.cli.main import main
from cli.on_fake import ACCOUNT, FakeSession, OnWorld
from fake_aws import World

TABLE, WEST = "tap-prod-global", "us-west-2"
BUCKETS = [f"tap-prod-{ACCOUNT}-{region}-an" for region in ("us-east-1", WEST)]
LOGS = ["/aws/lambda/tap-prod-primary", "/aws/lambda/tap-prod-secondary"]
NAMES = [TABLE, *BUCKETS, *LOGS]
CONFIG = "\nprotect: true\nenvironments:\n  prod: {production: true}\n"
DESTROY = ("destroy", "--yes", "--yes-in-production", "--env", "prod")
NAMED = tuple(word for name in NAMES for word in ("--delete-retained", name))


@functools.cache
def deployed(config: Path) -> World:
    world = World()
    code = main(
        ("--config", str(config), "deploy", "--yes", "--env", "prod"),
        lambda options: FakeSession(replace(options, environment={}), world=world),
    )
    assert code == 0
    world.settle()
    return world


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protected")
    (folder / "dr.yaml").write_text((ROOT / "dr.yaml").read_text() + CONFIG)
    shutil.copytree(ROOT / "lambda", folder / "lambda", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    path = folder / "dr.yaml"
    assert main(("--config", str(path), "render")) == 0
    return path


@pytest.fixture
def production(command: OnWorld, config: Path) -> OnWorld:
    command.world = deployed(config).copied()
    command.world.calls.clear()
    command.before = ("--config", str(config))
    command.client("s3").put_object(Bucket=BUCKETS[0], Key="kept", Body=b"x")
    command.world.settle()
    command.world.calls.clear()
    return command


class Typing(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_production_has_every_protection_and_destroy_names_each_before_it_touches_anything(production: OnWorld) -> None:
    answer = production(*DESTROY)
    assert answer.code == 4
    for stack in ("us-east-1/table", "us-east-1/storage", f"{WEST}/storage", "us-east-1/service", f"{WEST}/service"):
        assert f"  {stack}/TerminationProtection: " in answer.err
        assert f"  {stack}/StackPolicy: " in answer.err
    # A table that stays is in nobody's way.
    assert "DeletionProtection" not in answer.err
    assert not [call for call in production.world.calls if call.mutating]
    assert production.world.tables[ACCOUNT, TABLE].replicas[WEST].deletion_protection


@pytest.mark.slow
def test_without_the_names_the_data_stays_and_is_told_at_the_end(production: OnWorld) -> None:
    answer = production(*DESTROY, "--unprotect")
    assert answer.code == 0, answer
    assert production.stacks() == {}
    left = answer.out.partition("left of tap-prod:")[2]
    assert [name for name in NAMES if f"  {name}  " in left] == NAMES
    assert sorted(production.world.tables[ACCOUNT, TABLE].replicas) == ["us-east-1", WEST]
    assert len(production.world.filled_buckets()) == 2


@pytest.mark.slow
def test_no_yes_answers_for_retained_data_but_its_names_do(production: OnWorld) -> None:
    refused = production(*DESTROY, "--unprotect", "--delete-retained")
    assert refused.code == 4
    assert "there is no terminal to ask on" in refused.err
    assert all(f"--delete-retained {name}" in refused.err for name in NAMES)
    assert not [call for call in production.world.calls if call.mutating]
    protected = production(*DESTROY, *NAMED)
    assert protected.code == 4
    assert "us-east-1/table/Table/DeletionProtection: " in protected.err
    answer = production(*DESTROY, "--unprotect", *NAMED)
    assert answer.code == 0, answer
    world = production.world
    assert (world.tables, world.buckets, world.names, world.unmanaged) == ({}, {}, set(), {})
    assert "left of tap-prod: nothing" in answer.out


@pytest.mark.slow
@pytest.mark.parametrize(("last", "code"), [("", 0), ("something else", 4)])
def test_at_a_terminal_each_name_is_typed(
    production: OnWorld, monkeypatch: pytest.MonkeyPatch, last: str, code: int
) -> None:
    shown = production(*DESTROY).out.splitlines()
    names = [line.split()[1] for line in shown if line.startswith("stays: ")]
    assert sorted(names) == sorted(NAMES)
    typed = [*names[:-1], last or names[-1]]
    monkeypatch.setattr("sys.stdin", Typing("".join(f"{name}\n" for name in typed)))
    answer = production(*DESTROY, "--unprotect", "--delete-retained")
    assert answer.code == code, answer
    assert (production.stacks() == {}) is (code == 0)
