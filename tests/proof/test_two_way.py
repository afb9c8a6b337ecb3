"""Killed at any call, a deployment of buckets that replicate to each other is finished by the same command."""

from functools import partial

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from deploy.two_way import make_buckets
from fake_aws import Fault
from proof.command import assert_done, deploy, destroy, make_world, run
from proof.test_kill import BATCHES, KILLS, is_killed
from samples import sampled

LIVES = sampled(((batch, kill) for batch in range(1, BATCHES + 1) for kill in KILLS), every=10)


@pytest.mark.parametrize(("batch", "kill"), LIVES)
def test_every_rule_is_there_in_the_end(batch: int, kill: Fault) -> None:
    one_way, two_way = make_buckets("one-way"), make_buckets()
    for k in range(batch, 60, BATCHES):
        world = make_world()
        clients = Clients(world.session(ACCOUNT))
        if k % 2:
            assert_done(run(clients, partial(deploy, one_way)))
        killed = is_killed(world, clients, partial(deploy, two_way), kill, k)
        assert_done(run(clients, partial(deploy, two_way)))
        ways = {name: len((bucket.replication or {}).get("Rules", [])) for name, bucket in world.buckets.items()}
        assert set(ways.values()) == {1}, f"at call {k}"
        assert_done(run(clients, partial(destroy, two_way)))
        assert not world.buckets
        if not killed:
            break
    assert k > 12
