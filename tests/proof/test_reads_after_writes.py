"""Each read once told of the past, and each call once the last of a process while reads lag: all of it ends well."""

from functools import partial

import pytest
from hypothesis import settings

from builder.aws import Clients
from builder.deploy import observe_outputs
from deploy.rig import ACCOUNT
from fake_aws import Fault, World, run_virtual
from proof.command import FIRST, LIFE, SECOND, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture
from proof.test_kill import KILLS, is_killed
from samples import sampled

BATCHES = 4
STEP = 1 if settings.get_current_profile_name() == "thorough" else 11
"""Of so many calls one is tried where there is no time for all."""
DEPLOYMENTS = {"deploy": FIRST, "update": SECOND}


def make_lagging_world(seed: int) -> World:
    world = make_world(seed=seed)
    world.faults.max_age_s = 3.0
    return world


def assert_well(world: World, clients: Clients, verb: str, what: str) -> None:
    """Nothing is amiss, and the outputs are there at once."""
    assert take_picture(world) == undisturbed()[verb].picture, what
    if deployment := DEPLOYMENTS.get(verb):
        outputs = run_virtual(partial(observe_outputs, deployment, clients))
        assert outputs.keys() == deployment.outputs.keys(), what


@pytest.mark.parametrize("batch", sampled(range(BATCHES), every=4))
def test_a_read_that_lags_once_fails_nothing(batch: int) -> None:
    undisturbed()
    world = make_lagging_world(batch)
    clients = Clients(world.session(ACCOUNT))
    struck = True
    for k in range(1 + batch * STEP, 400, BATCHES * STEP):
        struck = False
        for verb, command in LIFE.items():
            rule = world.faults.add(Fault.STALE, mutating=False, nth=k)
            assert_done(run(clients, command))
            assert_well(world, clients, verb, f"{verb}, read {k}")
            struck = struck or rule.struck > 0
            world.faults.remove(rule)
            fill(world)
        if not struck:
            break
    assert not struck


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.value)
def test_whatever_a_killed_process_has_seen_the_next_one_ends_well_though_reads_lag(kill: Fault) -> None:
    undisturbed()
    world = make_lagging_world(1)
    clients = Clients(world.session(ACCOUNT))
    killed = True
    for k in range(1, 400, STEP):
        killed = False
        for verb, command in LIFE.items():
            lag = world.faults.add(Fault.STALE, mutating=False, probability=0.4)
            killed = is_killed(world, clients, command, kill, k) or killed
            # Whoever types it again takes longer than a read lags: no process knows what another one did last.
            world.clock.sleep(world.faults.max_age_s)
            assert_done(run(clients, command))
            world.faults.remove(lag)
            assert_well(world, clients, verb, f"{verb}, killed at {k}")
            fill(world)
            world.clock.sleep(world.faults.max_age_s)
        if not killed:
            break
    assert not killed
