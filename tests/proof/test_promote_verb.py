"""`promote` by the command line, planned and forced: killed at any call it is taken up, by itself or by `deploy`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.on_fake import OnWorld, deployed_world
from cli.test_promote import BUCKETS, EAST, WEST, data, record, urls
from fake_aws import Fault, Killed, World
from samples import is_thorough

STEP = 1 if is_thorough() else 151
"""Of so many calls one is tried where there is no time for all; `test_promote` tries those that change something."""
KILLS = pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: kill.value)


@pytest.fixture
def filled(project: Path, capsys: pytest.CaptureFixture[str]) -> OnWorld:
    """The shipped system with items in its table, and an object that has gone over."""
    assert project.is_dir()
    command = OnWorld(capsys, deployed_world())
    for number in range(5):
        command.client("dynamodb").put_item(TableName="tap-dev-global", Item={"id": {"S": f"item-{number}"}})
    command.client("s3").put_object(Bucket=BUCKETS[EAST], Key="one", Body=b"x")
    command.world.settle()
    return command


def killed(command: OnWorld, kill: Fault, k: int, *arguments: str) -> bool:
    """Run a command that is killed at its k-th call; return whether it was."""
    rule = command.world.faults.add(kill, nth=k)
    try:
        assert command(*arguments).code in {0, 4}
    except Killed:
        command.world.faults.revive()
        command.world.settle()
    command.world.faults.remove(rule)
    return rule.struck > 0


def each_call(filled: OnWorld, attempt: Callable[[World, int], bool]) -> Iterator[tuple[int, bool]]:
    """Yield each call that may be the last one, in a world and with files as they were before."""
    before, text = filled.world, Path("dr.yaml").read_text()
    templates = {path: path.read_bytes() for path in Path("templates").rglob("*") if path.is_file()}
    for k in range(1, 1000, STEP):
        filled.world = before.copied()
        Path("dr.yaml").write_text(text)
        for path, content in templates.items():
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(content)
        struck = attempt(filled.world, k)
        yield k, struck
        if not struck:
            return
    raise AssertionError("never ends")


def check(filled: OnWorld, before: object, where: str) -> None:
    assert (data(filled), urls(filled)) == before, where
    assert record(filled) is None, where
    assert "primary: us-west-2" in Path("dr.yaml").read_text(), where
    assert "No changes" in filled("plan").out, where
    assert filled("render", "--check").code == 0, where


@KILLS
def test_a_promotion_that_was_killed_goes_on(filled: OnWorld, kill: Fault) -> None:
    before = data(filled), urls(filled)

    def attempt(_: World, k: int) -> bool:
        struck = killed(filled, kill, k, "promote", WEST, "--yes")
        # By turns by itself, and by `deploy` from the checkout that was written.
        written = "primary: us-west-2" in Path("dr.yaml").read_text()
        again = ("deploy", "--yes") if struck and written and k % 2 else ("promote", WEST, "--yes")
        answer = filled(*again)
        assert answer.code == 0, (k, again, answer)
        return struck

    for k, _ in each_call(filled, attempt):
        check(filled, before, f"killed at call {k}")


@KILLS
def test_a_forced_promotion_that_was_killed_goes_on_and_so_does_what_waited(filled: OnWorld, kill: Fault) -> None:
    before = data(filled), urls(filled)

    def attempt(world: World, k: int) -> bool:
        world.region_down(EAST)
        struck = killed(filled, kill, k, "promote", WEST, "--yes", "--skip-region", EAST)
        answer = filled("promote", WEST, "--yes", "--skip-region", EAST)
        assert answer.code == 0, (k, answer)
        world.region_up(EAST)
        struck |= killed(filled, kill, k, "deploy", "--yes")
        answer = filled("deploy", "--yes")
        assert answer.code == 0, (k, answer)
        return struck

    for k, _ in each_call(filled, attempt):
        check(filled, before, f"killed at call {k}")
