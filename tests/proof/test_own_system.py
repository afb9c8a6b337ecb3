"""The example of one's own templates, killed before or after any call: the same command again gets where it would have.

What waits for another stack's output is deferred in it, so a kill falls between a queue and the service that takes its
address as well.
"""

import json
import re
from collections.abc import Callable
from functools import cache, partial

import pytest

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.config import load_config
from builder.deploy import Deployment, make_deployment
from deploy.rig import ACCOUNT, edited
from fake_aws import Fault, World
from proof.command import Command, assert_done, deploy, destroy, make_world, run
from proof.picture import Picture, take_picture, tell_history
from proof.test_kill import KILLS, is_killed
from samples import is_thorough

EVERY = 1 if is_thorough() else 73
"""A prime, so that the calls before which and those after which it is killed differ from verb to verb."""


@cache
def example() -> Deployment:
    assembly = make_assembly(load_config(ROOT / "docs" / "examples" / "own" / "dr.yaml"))
    return make_deployment(assembly.manifest, assembly.templates, "dev")


def changed() -> Deployment:
    """Return the example with another setting of the queues, and another output of the networks."""
    made = example()
    for region in ("us-east-1", "us-west-2"):
        made = edited(made, f"{region}/queue", "maxReceiveCount: 5", "maxReceiveCount: 6")
        made = edited(made, f"{region}/network", "Outputs:\n", "Outputs:\n  Cidr: {Value: !Ref Cidr}\n")
    return made


def pictured(world: World) -> Picture:
    """Return what stands, without the endings of names that AWS makes up: every life has others."""
    made_up = re.compile(r"(?<=-)[0-9A-Z]{12}(?=\W)|(?<=vpc-vpc)[0-9a-z]{12}")
    picture: Picture = json.loads(made_up.sub("…", json.dumps(take_picture(world), default=str)))
    return picture


def life() -> dict[str, Command]:
    return {
        "deploy": partial(deploy, example()),
        "change": partial(deploy, changed()),
        "destroy": partial(destroy, example()),
    }


@cache
def lived() -> tuple[dict[str, World], dict[str, Picture], dict[str, list[str]]]:
    """Live through it all once, and return what each verb finds and leaves, and what was done to each stack."""
    world, before, after = make_world(), {}, {}
    for verb, command in life().items():
        world.settle()
        before[verb], world = world, world.copied()
        assert_done(run(Clients(world.session(ACCOUNT)), command))
        after[verb] = pictured(world)
    return before, after, tell_history(world)


def test_it_is_deployed_changed_and_destroyed() -> None:
    _, after, history = lived()
    assert set(after["deploy"]["stacks"]) == set(history)
    assert len(history) == 8
    service = after["deploy"]["stacks"]["us-west-2/shop-dev-service"]
    assert service["parameters"]["QueueUrl"] == after["deploy"]["stacks"]["us-west-2/shop-dev-queue"]["outputs"]["Url"]
    moved = {name for name, stack in after["change"]["stacks"].items() if stack != after["deploy"]["stacks"][name]}
    assert moved == {
        f"{region}/shop-dev-{name}" for region in ("us-east-1", "us-west-2") for name in ("network", "queue")
    }
    assert after["deploy"]["tables"] == {"shop-dev-orders": ["us-east-1", "us-west-2"]}
    assert (after["destroy"]["stacks"], after["destroy"]["tables"]) == ({}, {})


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.value)
@pytest.mark.parametrize("verb", ["deploy", "change", "destroy"])
def test_the_same_command_again_gets_where_it_would_have(
    verb: str, kill: Fault, record_property: Callable[[str, object], None]
) -> None:
    before, after, _ = lived()
    command, killed = life()[verb], 0
    for k in range(1 + EVERY // 2, 1000, EVERY):
        world = before[verb].copied()
        clients = Clients(world.session(ACCOUNT))
        if not is_killed(world, clients, command, kill, k):
            break
        killed += 1
        assert_done(run(clients, command))
        assert pictured(world) == after[verb], f"at call {k}"
    record_property("killed", killed)
    assert killed * EVERY >= 30
