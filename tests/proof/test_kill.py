"""Killed right before or right after any API call, a command typed again goes on to where it would have got."""

from collections.abc import Callable
from itertools import count

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed
from proof.command import LIFE, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture

BATCHES = 8


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda fault: fault.value)
@pytest.mark.parametrize("batch", range(1, BATCHES + 1))
def test_the_same_command_again_reaches_the_same_state(
    batch: int, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    killed = dict.fromkeys(LIFE, 0)
    for k in count(batch, BATCHES):
        struck = live_killed_at(k, fault)
        if not struck:
            break
        for verb in struck:
            killed[verb] += 1
    record_property("killed", killed)
    assert min(killed.values()) >= 2


def live_killed_at(k: int, fault: Fault) -> list[str]:
    """Live through it all, each command killed at its k-th call; return those that have so many."""
    wanted = undisturbed()
    world, struck = make_world(), []
    clients = Clients(world.session(ACCOUNT))
    for verb, command in LIFE.items():
        rule = world.faults.add(fault, nth=k)
        try:
            ended = run(clients, command)
        except Killed:
            struck.append(verb)
            world.faults.revive()
            ended = run(clients, command)
        world.faults.remove(rule)
        assert_done(ended)
        assert take_picture(world) == wanted[verb].picture, f"{verb} at call {k}"
        fill(world)
    return struck


@pytest.mark.parametrize("batch", range(1, 4))
def test_a_destroy_after_a_killed_deploy_leaves_nothing(batch: int) -> None:
    wanted = undisturbed()
    for k in count(batch, 3):
        world = make_world()
        clients = Clients(world.session(ACCOUNT))
        world.faults.add(Fault.KILL_AFTER, nth=k)
        try:
            run(clients, LIFE["deploy"])
            break
        except Killed:
            world.faults.revive()
        assert_done(run(clients, LIFE["destroy"]))
        assert take_picture(world) == wanted["destroy"].picture, f"at call {k}"
    assert k > 30
