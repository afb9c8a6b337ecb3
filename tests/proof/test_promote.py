"""`promote` killed at any call that changes something: what was decided stands, and the next command goes on with it.

The whole command line, with dr.yaml, templates/ and the record in AWS: killed before its record, it has done nothing.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from answer import ROOT, Answer
from builder.assembly import read_assembly
from cli.on_fake import OnWorld, deployed_world
from cli.test_promote import EAST, WEST, data, record
from fake_aws import Fault, Killed, World
from samples import is_thorough, sampled

STEP, FORCED_STEP = (1, 1) if is_thorough() else (17, 5)
KILLS = pytest.mark.parametrize(
    "kill", sampled([Fault.KILL_BEFORE, Fault.KILL_AFTER], every=2), ids=lambda kill: kill.value
)


@cache
def filled_world() -> World:
    world = deployed_world()
    dynamodb, s3 = world.session().client("dynamodb", EAST), world.session().client("s3", EAST)
    dynamodb.put_item(TableName="tap-dev-global", Item={"id": {"S": "item"}})
    s3.put_object(Bucket=f"tap-dev-111122223333-{EAST}-an", Key="one", Body=b"x")
    world.settle()
    world.calls.clear()
    return world


@dataclass
class Checkout:
    """A checkout of the project, and a world in which it is deployed."""

    command: OnWorld
    folder: Path

    def fresh(self) -> OnWorld:
        """Begin anew, with nothing promoted."""
        for name in ("templates", "dr.yaml"):
            there = self.folder / name
            if there.is_dir():
                shutil.rmtree(there)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, there)
        self.command.world = filled_world().copied()
        return self.command

    @property
    def is_written(self) -> bool:
        """Whether dr.yaml has the secondary as its primary."""
        return f"primary: {WEST}" in (self.folder / "dr.yaml").read_text()


@pytest.fixture
def checkout(project: Path, capsys: pytest.CaptureFixture[str]) -> Checkout:
    return Checkout(OnWorld(capsys), project)


def killed(command: OnWorld, kill: Fault, k: int, *typed: str) -> bool:
    """Run a command that dies at its k-th call that changes something, or done; return whether it has died."""
    rule = command.world.faults.add(kill, mutating=True, nth=k)
    try:
        answer = command(*typed)
    except Killed:
        command.world.faults.remove(rule)
        command.world.faults.revive()
        return True
    command.world.faults.remove(rule)
    assert answer.code == 0, answer
    return False


def executed(world: World) -> bool:
    return any(call.operation == "ExecuteChangeSet" and call.outcome == "ok" for call in world.calls)


def check_done(checkout: Checkout, answer: Answer) -> None:
    """Nothing is left to do or to write, and nothing that was there is another."""
    command = checkout.command
    assert answer.code == 0, answer
    assert record(command) is None
    assert checkout.is_written
    assert read_assembly(checkout.folder / "templates").manifest.roles is not None
    plan = command("plan")
    assert (plan.code, "No changes" in plan.out) == (0, True), plan
    before = OnWorld(command.capsys, filled_world())
    assert data(command) == data(before)


def at_every_call(checkout: Checkout, kill: Fault, step: int, *typed: str) -> Iterator[int]:
    """Yield at each call, after a command that died there; what was decided stands wherever anything was executed."""
    for k in count(1, step):
        command = checkout.fresh()
        if not killed(command, kill, k, *typed):
            return
        kept = record(command)
        if executed(command.world) and kept is None:
            # Only the last call of all deletes it: then nothing is left to do.
            assert command.called("DeleteParameter") == 1
        if checkout.is_written:
            assert kept is not None or command.called("DeleteParameter")
        yield k


@KILLS
def test_the_same_command_again_or_a_deployment_ends_it(checkout: Checkout, kill: Fault) -> None:
    calls = 0
    for k in at_every_call(checkout, kill, STEP, "promote", WEST, "--yes"):
        calls = k
        command = checkout.command
        # Where dr.yaml was written a deployment goes on as well; templates/ may be those of before.
        if checkout.is_written and k % 2:
            assert command("render").code == 0
            check_done(checkout, command("deploy", "--yes"))
        else:
            check_done(checkout, command("promote", WEST, "--yes"))
    assert calls > 15


@KILLS
def test_a_forced_one_goes_on_beside_the_lost_region_and_once_it_is_back(checkout: Checkout, kill: Fault) -> None:
    typed = ("promote", WEST, "--yes", "--skip-region", EAST)

    class Lost(Checkout):
        def fresh(self) -> OnWorld:
            command = super().fresh()
            command.world.region_down(EAST)
            return command

    lost, calls = Lost(checkout.command, checkout.folder), 0
    for k in at_every_call(lost, kill, FORCED_STEP, *typed):
        calls = k
        command = lost.command
        if k % 2:
            answer = command(*typed)
            assert answer.code == 0, answer
        command.world.region_up(EAST)
        check_done(lost, command("promote", WEST, "--yes"))
    assert calls > 3
