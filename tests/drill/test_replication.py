"""The replication drill, on the embedded AWS."""

import asyncio

import pytest

from builder.drill.findings import ReplicationReport
from builder.drill.run import ReplicationOptions, drill_replication
from builder.drill.verdict import Objectives
from drill.conftest import Theatre
from local.account import PRIMARY, SECONDARY
from local.adapter.control import paced

SHORT = ReplicationOptions(rate=8, object_rate=2, seconds=3, patience_s=20)


def drilled(theatre: Theatre, options: ReplicationOptions = SHORT) -> ReplicationReport:
    return asyncio.run(drill_replication(theatre.context(), options))


def test_a_delay_that_is_set_is_the_delay_that_is_measured(theatre: Theatre) -> None:
    with paced(theatre.account, "dynamodb", delay_s=0.8), paced(theatre.account, "s3", delay_s=0.8):
        found = drilled(theatre)
    assert len([one for pair in found.pairs for one in pair.delays]) == 3
    for one in [one for pair in found.pairs for one in pair.delays]:
        print(one.stream, one.p50_s, one.p95_s, one.p99_s, one.max_s)
        assert one.p50_s == pytest.approx(0.8, rel=0.15), one.stream
        assert not one.unseen
    assert found.holds
    assert found.requests.lost == ()


def test_what_does_not_arrive_in_time_misses_every_objective_and_is_named(theatre: Theatre) -> None:
    theatre.objectives = Objectives(replication_p99_seconds=1000)
    with paced(theatre.account, "dynamodb", paused=True):
        found = drilled(theatre, ReplicationOptions(rate=5, object_rate=1, seconds=0.5, patience_s=0.2))
    assert [bool(one.unseen) for one in [one for pair in found.pairs for one in pair.delays]] == [True, False, True]
    assert [one.p99_s is None for one in [one for pair in found.pairs for one in pair.delays]] == [True, False, True]
    assert not found.holds


def test_nothing_of_a_drill_stays_in_tables_and_buckets(theatre: Theatre) -> None:
    found = drilled(theatre, ReplicationOptions(rate=5, object_rate=5, seconds=0.5, patience_s=10))
    assert found.requests.acknowledged > 5
    for region, side in ((PRIMARY, theatre.target.primary), (SECONDARY, theatre.target.secondary)):
        assert theatre.items(region) == {}
        left = theatre.account.s3(region).list_object_versions(Bucket=side.needed_bucket, Prefix="drill/")
        assert not {"Versions", "DeleteMarkers"} & set(left)
