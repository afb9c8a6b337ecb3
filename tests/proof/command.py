"""`deploy --yes` and `destroy --yes` on the fake AWS: each run a process that remembers nothing of the last."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import Any

from builder.aws import Clients, Memory
from builder.deploy import (
    Deployment,
    Done,
    Outcome,
    PlanId,
    PlanOptions,
    PlanRequest,
    Progress,
    Removal,
    delete_deployment,
    execute_unreviewed,
    exit_code,
    find_deployed,
    make_plan,
    sweep,
)
from builder.errors import ExitCode
from deploy.rig import ACCOUNT, edited, shipped
from fake_aws import World, run_virtual
from fake_aws.s3.records import Version
from proof.picture import Picture, take_picture, tell_history

Command = Callable[[Clients, str], Coroutine[Any, Any, tuple[Outcome, ...]]]
"""Takes the id that tells this run from every other."""

FIRST = shipped()
SECOND = edited(
    edited(FIRST, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"),
    "us-west-2/service",
    "MemorySize: 256",
    "MemorySize: 512",
)
"""The first with an update of both services."""


async def deploy(deployment: Deployment, clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    plan_id = PlanId(id=run_id, at="2026-01-01T00:00:00+00:00")
    plan = await make_plan(deployment, clients, plan_id, ignore, PlanRequest(options=PlanOptions(by="deploy")))
    if plan.is_empty:
        return ()
    ended = await execute_unreviewed(plan, deployment, clients, ignore)
    if exit_code(ended) is ExitCode.DONE:
        await sweep(deployment, plan, clients)
    return ended


async def destroy(deployment: Deployment, clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    stacks = await find_deployed(deployment.name, deployment.sites, clients)
    needs = {stack.id: stack.needs for stack in deployment.stacks}
    return await delete_deployment(Removal(stacks=stacks, needs=needs), clients, run_id, ignore)


def ignore(event: Progress) -> None:
    """Nobody watches."""


LIFE: dict[str, Command] = {
    "deploy": partial(deploy, FIRST),
    "update": partial(deploy, SECOND),
    "destroy": partial(destroy, FIRST),
}
"""Each on what the one before has left."""


def make_world(**settings: Any) -> World:
    """A quick AWS, in which a table's home region cannot go before its replica does."""
    world = World(**{"page_size": 100, **settings})
    world.script.takes(0.5)
    world.script.takes(0.5, action="STACK")
    world.script.takes(1, action="CREATE_CHANGE_SET")
    world.replica_change_s = 2
    world.quirks.young_replicas_block_deletion = True
    return world


_RUNS = count(1)


def run(clients: Clients, command: Command, seed: int = 0) -> tuple[Outcome, ...]:
    clients.memory = Memory()
    return run_virtual(lambda: command(clients, f"run-{next(_RUNS)}"), seed=seed)


def fill(world: World) -> None:
    """Put something into every bucket, past all calls."""
    for bucket in world.buckets.values():
        bucket.versions += [Version(key, world.new_uuid(), world.datetime(), b"x") for key in ("a", "b", "a")]


def assert_done(ended: tuple[Outcome, ...]) -> None:
    assert [outcome for outcome in ended if not isinstance(outcome, Done)] == []


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a command has left, and what was done until then, in a life in which nothing goes wrong."""

    picture: Picture
    history: dict[str, list[str]]


@cache
def undisturbed() -> dict[str, Undisturbed]:
    """Live through it all once; to be called before another world is made, since it takes its time along."""
    world = make_world()
    clients, seen = Clients(world.session(ACCOUNT)), {}
    for verb, command in LIFE.items():
        assert_done(run(clients, command))
        seen[verb] = Undisturbed(take_picture(world), tell_history(world))
        fill(world)
    return seen
