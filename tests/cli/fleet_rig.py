"""`python -m builder fleet ...` on the fake AWS: the command line itself, with a world where AWS would be."""

import asyncio
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from answer import Answer
from builder.assembly import write_assembly
from builder.assembly.manifest import Entry, Manifest
from builder.assembly.store import Assembly
from builder.cli.main import main
from builder.cli.wiring import Wiring
from builder.deploy import Brake
from fake_aws import World, run_virtual
from fleet.rig import BODY, make_clients, two_sets
from fleet.scene import FLEET, ROOT, WEST

T = TypeVar("T")


@dataclass
class FleetWiring(Wiring):
    """Wiring whose AWS is a world, and whose time is the world's."""

    world: World = field(default_factory=World)
    interrupted: bool = False
    """Whether Ctrl-C comes half a minute after any work began."""

    def __post_init__(self) -> None:
        self.__dict__["clients"] = make_clients(self.world)

    def run(self, work: Coroutine[Any, Any, T], brake: Brake | None = None, *, stands: str = "") -> T:  # noqa: ARG002 - nobody pulls it, nobody leaves
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


@dataclass
class FleetCommand:
    """The command line in a folder with a rendered fleet."""

    capsys: pytest.CaptureFixture[str]
    world: World = field(default_factory=lambda: World(page_size=20))
    interrupted: bool = False
    assembly: Path | None = Path("templates")

    def __call__(self, verb: str, *arguments: str) -> Answer:
        self.capsys.readouterr()
        wiring = FleetWiring(
            assembly=self.assembly, env="dev", environment={}, world=self.world, interrupted=self.interrupted
        )
        code = main(["fleet", verb, *arguments], wiring)
        wrote = self.capsys.readouterr()
        return Answer(code, wrote.out, wrote.err)


def write_config(fleet: str = "") -> None:
    """Write a dr.yaml of the same project, with handlers beside it, that no assembly here was rendered from."""
    shutil.copytree(ROOT / "lambda", "lambda", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    Path("dr.yaml").write_text(f"{(ROOT / 'dr.yaml').read_text()}\n{fleet}\n")


def render(folder: Path, body: str = BODY) -> None:
    """Write a system's assembly of nothing, and its fleet's."""
    stack = two_sets(body).stacks[0]
    entry = Entry(
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
