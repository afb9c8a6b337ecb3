"""30 % of calls throttled, 5 % answered 500, 30 % of reads stale within a second, pages of two: all of it succeeds."""

from collections import Counter
from collections.abc import Callable

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from fake_aws import Fault
from proof.command import LIFE, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture
from samples import sampled


@pytest.mark.parametrize("seed", sampled(range(6), every=3))
def test_a_bad_day_delays_and_harms_nothing(seed: int, record_property: Callable[[str, object], None]) -> None:
    expected = undisturbed()
    world = make_world(seed=seed, page_size=2)
    world.faults.add(Fault.THROTTLE, probability=0.3)
    world.faults.add(Fault.SERVER_ERROR, probability=0.05)
    world.faults.add(Fault.STALE, probability=0.3)
    clients = Clients(world.session(ACCOUNT))
    for verb, command in LIFE.items():
        world.calls.clear()
        assert_done(run(clients, command, seed))
        outcomes = Counter(call.outcome for call in world.calls)
        stale = sum("stale" in call.faults for call in world.calls)
        record_property(verb, f"{len(world.calls)} calls, {stale} of them stale, {outcomes}")
        print(f"seed {seed}: {verb}: {len(world.calls)} calls, {outcomes['Throttling']} throttled, {stale} stale")
        assert outcomes["Throttling"] >= 3
        assert take_picture(world) == expected[verb].picture
        fill(world)
