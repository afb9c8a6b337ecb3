"""Killed right before or right after any API call, a command typed again goes on to where it would have got."""

from collections.abc import Callable
from itertools import count

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World
from fake_aws.s3.records import Version
from proof.command import LIFE, Command, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture
from samples import is_thorough, sampled

KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
BATCHES = 6
LIVES = sampled(((batch, kill) for batch in range(1, BATCHES + 1) for kill in KILLS), every=10)
"""In which every so many calls is the last; between them, every call is."""


@pytest.mark.parametrize(("batch", "kill"), LIVES)
def test_the_same_command_again_reaches_the_same_state(
    batch: int, kill: Fault, record_property: Callable[[str, object], None]
) -> None:
    expected = undisturbed()
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    killed = dict.fromkeys(LIFE, 0)
    # One life after the other, until no command makes so many calls any more.
    for k in count(batch, BATCHES):
        before = sum(killed.values())
        for verb, command in LIFE.items():
            killed[verb] += is_killed(world, clients, command, kill, k)
            assert_done(run(clients, command))
            assert take_picture(world) == expected[verb].picture, f"{verb} at call {k}"
            fill(world)
        if sum(killed.values()) == before:
            break
    record_property("killed", killed)
    assert min(killed.values()) >= 24 // BATCHES


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.value)
def test_a_destroy_after_a_killed_deploy_leaves_nothing(kill: Fault) -> None:
    expected = undisturbed()
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    for k in count(1, 1 if is_thorough() else 7):
        if not is_killed(world, clients, LIFE["deploy"], kill, k):
            break
        assert_done(run(clients, LIFE["destroy"]))
        assert take_picture(world) == expected["destroy"].picture, f"at call {k}"
    assert k > 30


@pytest.mark.acceptance
@pytest.mark.parametrize(("batch", "kill"), LIVES)
def test_a_destroy_killed_anywhere_in_a_bucket_of_many_pages_goes_on(batch: int, kill: Fault) -> None:
    expected = undisturbed()
    filled = make_world(page_size=8)
    assert_done(run(Clients(filled.session(ACCOUNT)), LIFE["deploy"]))
    fill_pages(filled)
    filled.settle()
    for k in count(batch, BATCHES):
        world = filled.copied()
        clients = Clients(world.session(ACCOUNT))
        killed = is_killed(world, clients, LIFE["destroy"], kill, k)
        assert_done(run(clients, LIFE["destroy"]))
        assert take_picture(world) == expected["destroy"].picture, f"at call {k}"
        if not killed:
            break
    # Six pages in each bucket, every page listed and deleted, beside what the stacks take.
    assert k > 2 * 2 * 6 + 30


def fill_pages(world: World) -> None:
    """Put six pages of versions and delete markers into every bucket, and begin an upload, past all calls."""
    for bucket in world.buckets.values():
        bucket.versions = [
            Version(f"{key:03d}", world.new_uuid(), world.datetime(), b"", marker=round_ == 1)
            for round_ in range(3)
            for key in range(2 * world.page_size)
        ]
        bucket.uploads[world.new_uuid()] = "begun"


def is_killed(world: World, clients: Clients, command: Command, kill: Fault, k: int) -> bool:
    """Run a command that dies at its k-th call, or done; return whether it has died."""
    rule = world.faults.add(kill, nth=k)
    try:
        assert_done(run(clients, command))
    except Killed:
        world.faults.revive()
    world.faults.remove(rule)
    return rule.struck > 0
