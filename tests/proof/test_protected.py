"""A deployment that is protected in every way, and keeps its data: `destroy --unprotect --delete-retained`, killed."""

from collections.abc import Callable
from functools import cache, partial

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Outcome, Removal, delete_deployment, delete_kept, find_deployed
from deploy.protected import KEPT_NAMES, kept, protected
from deploy.rig import ACCOUNT
from fake_aws import Fault, World
from proof.command import Command, assert_done, deploy, fill, ignore, make_world, run
from proof.picture import take_picture
from proof.test_kill import KILLS, is_killed
from samples import is_thorough

EVERY = 1 if is_thorough() else 29
DEPLOYMENTS = {"kept": (kept, KEPT_NAMES), "not kept": (protected, ())}


async def destroy(deployment: Deployment, names: tuple[str, ...], clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    stacks = delete_kept(await find_deployed(deployment.name, deployment.sites, clients), names, ())
    needs = {stack.id: stack.needs for stack in deployment.stacks}
    removal = Removal(stacks=stacks, needs=needs, unprotect=True)
    return await delete_deployment(removal, clients, run_id, ignore)


@cache
def deployed_world(name: str) -> World:
    world = make_world()
    made, _ = DEPLOYMENTS[name]
    assert_done(run(Clients(world.session(ACCOUNT)), partial(deploy, made())))
    fill(world)
    world.settle()
    return world


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.value)
@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_same_command_again_leaves_nothing(
    name: str, kill: Fault, record_property: Callable[[str, object], None]
) -> None:
    made, names = DEPLOYMENTS[name]
    command: Command = partial(destroy, made(), names)
    killed = 0
    for k in range(1 + EVERY // 2, 1000, EVERY):
        world = deployed_world(name).copied()
        clients = Clients(world.session(ACCOUNT))
        died = is_killed(world, clients, command, kill, k)
        assert_done(run(clients, command))
        left = take_picture(world)
        assert not any(left.values()), f"at call {k}: {left}"
        if not died:
            break
        killed += 1
    record_property("killed", killed)
    assert killed * EVERY >= 30


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_lost_answer_lifts_and_deletes_nothing_twice(name: str) -> None:
    made, names = DEPLOYMENTS[name]
    for k in range(1, 200, 1 if is_thorough() else 19):
        world = deployed_world(name).copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(Fault.LOSE_ANSWER, mutating=True, nth=k)
        assert_done(run(clients, partial(destroy, made(), names)))
        assert not any(take_picture(world).values()), f"without answer {k}"
        if not rule.struck:
            break
