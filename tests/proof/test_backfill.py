"""Killed right before or right after any API call, `backfill` typed again goes on, and makes no second job."""

import pytest

from deploy.backfilling import HERE, THERE, Buckets
from fake_aws import Fault, Killed
from samples import sampled

CALLS = 12
"""More than a run makes: rules, list, create, and every look."""


@pytest.mark.parametrize(
    ("k", "kill"),
    sampled(((k, kill) for k in range(1, CALLS + 1) for kill in (Fault.KILL_BEFORE, Fault.KILL_AFTER)), 5),
)
def test_the_same_again_fills_the_bucket_by_the_same_job(k: int, kill: Fault) -> None:
    buckets = Buckets()
    buckets.put("a", "b", "b")
    buckets.add_rules()
    rule = buckets.world.faults.add(kill, nth=k)
    try:
        buckets.run()
        assert not rule.struck
    except Killed:
        buckets.world.faults.revive()
    buckets.world.faults.remove(rule)
    running = [job for job in buckets.world.batch.jobs.values() if not job.ended]
    ended = buckets.run()
    assert ended.verdict in {"done", "nothing to do"}
    assert buckets.ids(THERE) == buckets.ids(HERE)
    if running or not rule.struck:
        assert len(buckets.world.batch.jobs) == (1 if running else 2)
