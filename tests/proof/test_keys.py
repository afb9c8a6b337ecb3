"""Keys come to a deployment at work and go again, killed before and after every call: the same again gets there."""

from collections.abc import Mapping
from functools import cache, partial
from itertools import count
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.deploy import Deployment, make_deployment
from deploy.rig import ACCOUNT
from fake_aws import Fault, World
from loaded_config import make_loaded_config
from proof.command import Command, assert_done, deploy, destroy, fill, make_world, run
from proof.test_kill import KILLS, is_killed
from samples import is_thorough, sampled

ALIAS = "alias/tap-dev"
BATCHES = 6 if is_thorough() else 30
LIVES = sampled(((batch, kill) for batch in range(1, BATCHES + 1) for kill in KILLS), every=60)


def system(**sections: Any) -> Deployment:
    assembly = make_assembly(make_loaded_config(**sections))
    return make_deployment(assembly.manifest, assembly.templates, "dev")


@cache
def without_keys() -> Deployment:
    return system()


@cache
def with_keys() -> Deployment:
    return system(encryption={"key": "managed"})


def life() -> Mapping[str, Command]:
    """Return what is done one after the other."""
    return {
        "deploy": partial(deploy, without_keys()),
        "on": partial(deploy, with_keys()),
        "off": partial(deploy, without_keys()),
        "destroy": partial(destroy, with_keys()),
    }


def picture_of(world: World) -> dict[str, Any]:
    """Return what stands, keys without the ids that AWS makes up."""
    world.settle()
    return {
        "stacks": {
            f"{region}/{stack.name}": (
                stack.status,
                sorted(name for name, resource in stack.resources.items() if resource.exists),
            )
            for (_, region), place in world._regions.items()
            for stack in place.cloudformation.stacks.values()
            if stack.status != "DELETE_COMPLETE"
        },
        "waiting": sum(
            change_set.execution_status == "AVAILABLE"
            for place in world._regions.values()
            for stack in place.cloudformation.stacks.values()
            for change_set in stack.change_sets.values()
        ),
        "replicas": {
            name: {region: replica.key for region, replica in table.replicas.items()}
            for (_, name), table in world.tables.items()
        },
        "aliases": sorted(name for kind, *_, name in world.names if kind == "AWS::KMS::Alias"),
    }


@cache
def undisturbed() -> dict[str, dict[str, Any]]:
    world = make_world()
    clients, seen = Clients(world.session(ACCOUNT)), {}
    made: set[Any] = set()
    for verb, command in life().items():
        assert_done(run(clients, command))
        seen[verb] = picture_of(world)
        if verb != "destroy":
            # One table and one bucket a region all along, with all that was put into them.
            made.add(
                (
                    *(table.created for table in world.tables.values()),
                    *(bucket.created for bucket in world.buckets.values()),
                )
            )
            assert {len(bucket.versions) for bucket in world.buckets.values()} == {3 * (len(seen) - 1)}
        fill(world)
    assert len(made) == 1
    return seen


@pytest.mark.slow  # a whole life
def test_a_table_that_stands_takes_keys_and_gives_them_back_and_nothing_is_replaced() -> None:
    seen = undisturbed()
    assert seen["deploy"]["replicas"] == {"tap-dev-global": {"us-east-1": None, "us-west-2": None}}
    assert seen["on"]["replicas"] == {"tap-dev-global": {"us-east-1": ALIAS, "us-west-2": ALIAS}}
    assert seen["off"]["replicas"] == seen["deploy"]["replicas"]
    # What is under the keys still needs them: they stay, as orphans.
    assert seen["off"]["aliases"] == seen["on"]["aliases"] == [ALIAS, ALIAS]
    assert seen["destroy"] == {"stacks": {}, "waiting": 0, "replicas": {}, "aliases": []}


@pytest.mark.parametrize(("batch", "kill"), LIVES)
def test_killed_at_any_call_the_same_command_reaches_the_same_state(batch: int, kill: Fault) -> None:
    expected = undisturbed()
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    killed = dict.fromkeys(life(), 0)
    for k in count(batch, BATCHES):
        before = sum(killed.values())
        for verb, command in life().items():
            killed[verb] += is_killed(world, clients, command, kill, k)
            assert_done(run(clients, command))
            assert picture_of(world) == expected[verb], f"{verb} at call {k}"
            fill(world)
        if sum(killed.values()) == before:
            break
    assert min(killed.values()) >= max(1, 24 // BATCHES)
