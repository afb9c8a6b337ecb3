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
        report = drilled(theatre)
    assert len([delays for pair in report.pairs for delays in pair.delays]) == 3
    for delays in [delays for pair in report.pairs for delays in pair.delays]:
        print(delays.stream, delays.p50_s, delays.p95_s, delays.p99_s, delays.max_s)
        assert delays.p50_s == pytest.approx(0.8, rel=0.15), delays.stream
        assert not delays.unseen
    assert report.holds
    assert report.requests.lost == ()


def test_what_does_not_arrive_in_time_misses_every_objective_and_is_named(theatre: Theatre) -> None:
    theatre.objectives = Objectives(replication_p99_seconds=1000)
    with paced(theatre.account, "dynamodb", paused=True):
        report = drilled(theatre, ReplicationOptions(rate=5, object_rate=1, seconds=0.5, patience_s=0.2))
    assert [bool(delays.unseen) for pair in report.pairs for delays in pair.delays] == [True, False, True]
    assert [delays.p99_s is None for pair in report.pairs for delays in pair.delays] == [True, False, True]
    assert not report.holds


def test_nothing_of_a_drill_stays_in_tables_and_buckets(theatre: Theatre) -> None:
    report = drilled(theatre, ReplicationOptions(rate=5, object_rate=5, seconds=0.5, patience_s=10))
    assert report.requests.acknowledged > 5
    for region, side in ((PRIMARY, theatre.target.primary), (SECONDARY, theatre.target.secondary)):
        assert theatre.items(region) == {}
        left = theatre.account.s3(region).list_object_versions(Bucket=side.needed_bucket, Prefix="drill/")
        assert not {"Versions", "DeleteMarkers"} & set(left)
