"""The command line with a world of the fake AWS where AWS would be, and in its time."""

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest

from answer import ROOT, Answer
from builder.assembly import write_assembly
from builder.assembly.manifest import Manifest, StackEntry
from builder.assembly.store import Assembly
from builder.aws import Clients
from builder.cli.main import main
from builder.cli.options import Options
from builder.cli.session import Session
from fake_aws import World, run_virtual
from fleet.rig import BODY, make_clients, two_sets
from fleet.stack_sets import FLEET, WEST

T = TypeVar("T")
ACCOUNT, OTHER = "111122223333", "999999999999"


@dataclass(frozen=True)
class FakeSession(Session):
    """A session whose AWS is a world, and whose time is the world's."""

    world: World = field(default_factory=World)
    interrupted: bool = False
    """Whether Ctrl-C comes half a minute after any work began."""

    @cached_property
    def clients(self) -> Clients:
        return _clients(self.world)

    def run(self, work: Coroutine[Any, Any, T], stop: asyncio.Event | None = None, *, state: str = "") -> T:  # noqa: ARG002 - nobody sets it, nobody leaves
        async def main_task() -> T:
            if not self.interrupted:
                return await work
            task = asyncio.ensure_future(work)
            await asyncio.wait({task}, timeout=30)
            if task.done():
                return task.result()
            task.cancel()
            await asyncio.wait({task})
            raise KeyboardInterrupt

        return run_virtual(main_task)


@functools.lru_cache(maxsize=1)
def _clients(world: World) -> Clients:
    """The clients of all commands of a test: botocore takes long to make one for each region and service."""
    return make_clients(world)


@dataclass
class OnWorld:
    """The command line in the working directory, with a world where AWS would be."""

    capsys: pytest.CaptureFixture[str]
    world: World = field(default_factory=World)
    before: tuple[str, ...] = ()
    """What is typed before everything else."""
    environment: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def __call__(self, *arguments: str) -> Answer:
        self.capsys.readouterr()
        code = main([*self.before, *arguments], self.open)
        wrote = self.capsys.readouterr()
        return Answer(code, wrote.out, wrote.err)

    def open(self, options: Options) -> FakeSession:
        """Open the session of a command."""
        own = replace(options, environment=self.environment)
        return FakeSession(own, world=self.world, interrupted=self.interrupted)

    def called(self, *operations: str) -> int:
        """Return how many calls of these operations were made."""
        return sum(call.operation in operations for call in self.world.calls)

    def client(self, service: Any, region: str = "us-east-1") -> Any:
        """A client of the account's administrator."""
        return self.world.session(ACCOUNT).client(service, region)

    def wait(self, seconds: float) -> None:
        """Let the world's time pass."""
        self.open(Options()).run(asyncio.sleep(seconds))

    def stacks(self) -> dict[str, str]:
        """Return the status of every stack by `region/name`."""
        return {
            f"{region}/{stack['StackName']}": stack["StackStatus"]
            for region in ("us-east-1", "us-west-2")
            for page in self.client("cloudformation", region).get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
        }


def deployed_world() -> World:
    """A world with the shipped system deployed as dev: it is deployed once, and copied for each test."""
    return _copied(_deployed)


def deployed_fleet() -> World:
    """A world with the fleet of `render` deployed as dev, from a copy too."""
    return _copied(_deployed_fleet)


def _copied(made: Callable[[], World]) -> World:
    world = made().copied()
    world.calls.clear()
    return world


@functools.cache
def _deployed() -> World:
    world = World()
    _deploy(world, "--config", str(ROOT / "dr.yaml"), "deploy", "--yes")
    return world


@functools.cache
def _deployed_fleet() -> World:
    world = World(page_size=20)
    with tempfile.TemporaryDirectory() as folder:
        render(Path(folder))
        _deploy(world, "--assembly", folder, "--env", "dev", "fleet", "deploy", "--yes")
    return world


def _deploy(world: World, *arguments: str) -> None:
    assert main(arguments, lambda options: FakeSession(replace(options, environment={}), world=world)) == 0
    world.settle()


def write_config(fleet: str = "") -> None:
    """Write a dr.yaml of the same project, with handlers beside it, that no assembly here was rendered from."""
    shutil.copytree(ROOT / "lambda", "lambda", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    Path("dr.yaml").write_text(f"{(ROOT / 'dr.yaml').read_text()}\n{fleet}\n")


def render(folder: Path, body: str = BODY) -> None:
    """Write a system's assembly of nothing, and its fleet's."""
    stack = two_sets(body).stacks[0]
    entry = StackEntry(
        id=FLEET,
        region=WEST,
        name="tap-${EnvironmentSuffix}-fleet",
        template="fleet.yaml",
        sha256=stack.sha256,
        parameters={"EnvironmentSuffix": "${EnvironmentSuffix}"},
    )
    fleet = Assembly(Manifest(version=2, project="tap-fleet", stacks=(entry,)), {"fleet.yaml": stack.template.encode()})
    write_assembly(folder, Assembly(Manifest(version=2, project="tap", stacks=()), {}))
    write_assembly(folder / "fleet", fleet)
