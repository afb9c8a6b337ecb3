"""Two commands at once, one coming at any moment of the other: who is overtaken is told so, and nothing hangs."""

import pytest

from builder.aws import Clients
from builder.errors import ExitCode
from deploy.rig import ACCOUNT
from fake_aws import World
from proof.command import LIFE, assert_done, fill, run, undisturbed
from proof.meeting import End, make_shaky_world, meet
from proof.picture import take_picture
from samples import sampled

WITHIN_S = 10.0
"""About as long as either takes."""
SEEDS = sampled(range(5), every=5)


def clash(world: World, seed: int, *verbs: str) -> list[End]:
    works = [LIFE[verb](Clients(world.session(ACCOUNT)), f"clash-{place}") for place, verb in enumerate(verbs)]
    return meet(seed, *works, within_s=WITHIN_S)


def make_deployed_world(seed: int) -> World:
    world = make_shaky_world(seed)
    assert_done(run(Clients(world.session(ACCOUNT)), LIFE["deploy"]))
    fill(world)
    return world


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("verb", LIFE)
def test_of_the_same_command_twice_one_does_it_and_the_other_stops_at_worst(verb: str, seed: int) -> None:
    expected = undisturbed()
    world = make_shaky_world(seed) if verb == "deploy" else make_deployed_world(seed)
    codes = {end.code for end in clash(world, seed, verb, verb)}
    assert codes in ({ExitCode.DONE}, {ExitCode.DONE} if verb == "destroy" else {ExitCode.DONE, ExitCode.STOPPED})
    assert take_picture(world) == expected[verb].picture


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("verb", ["deploy", "update"])
def test_a_destroy_at_the_same_time_ends_well_and_a_later_deploy_sets_all_right(verb: str, seed: int) -> None:
    world = make_shaky_world(seed) if verb == "deploy" else make_deployed_world(seed)
    deployed, destroyed = clash(world, seed, verb, "destroy")
    assert destroyed.code is ExitCode.DONE
    assert deployed.code in {ExitCode.DONE, ExitCode.STOPPED, ExitCode.FAILED}
    clients = Clients(world.session(ACCOUNT))
    assert_done(run(clients, LIFE["deploy"]))
    assert run(clients, LIFE["deploy"]) == ()
