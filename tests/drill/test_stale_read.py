"""The shipped system's own account: what two processes read of it after a failover, without a hold and with one."""

import time
from collections.abc import Iterator

import pytest
import urllib3

from builder.client import RegionUrl, ReplicatedHold
from client.processes import Application
from drill.conftest import Theatre
from local.account import authorized

PRIMARY, SECONDARY = "us-east-1", "us-west-2"


def _pause(theatre: Theatre, *, paused: bool) -> None:
    delays = [
        {"service": "dynamodb", "from": source, "to": destination, "delay_s": 0, "paused": paused}
        for source, destination in ((PRIMARY, SECONDARY), (SECONDARY, PRIMARY))
    ]
    place = f"{theatre.account.endpoint}/_builder/replication"
    assert urllib3.request("PUT", place, json={"delays": delays}, headers=authorized()).status == 200


def _throttle(theatre: Theatre, *, throttled: bool) -> None:
    functions = theatre.account.functions(PRIMARY)
    name = theatre.target.primary.function.name
    if throttled:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    else:
        functions.delete_function_concurrency(FunctionName=name)


@pytest.fixture
def regions(theatre: Theatre) -> Iterator[tuple[RegionUrl, ...]]:
    yield tuple(RegionUrl(side.region, side.url) for side in theatre.target.sides)
    _throttle(theatre, throttled=False)
    _pause(theatre, paused=False)


@pytest.mark.parametrize(("hold", "seen"), [(False, (PRIMARY, 100)), (True, (SECONDARY, 40))])
def test_what_the_secondary_acknowledged_is_read_afterwards_only_with_a_hold(
    theatre: Theatre, regions: tuple[RegionUrl, ...], *, hold: bool, seen: tuple[str, int]
) -> None:
    endpoint = theatre.account.endpoint
    first, second = (Application(language, regions, hold=hold, endpoint=endpoint) for language in ("python", "node"))
    try:
        assert first.ask("PUT", 100) == second.ask("GET") == (PRIMARY, 100)
        _pause(theatre, paused=True)
        _throttle(theatre, throttled=True)
        assert first.ask("PUT", 40) == (SECONDARY, 40)
        _throttle(theatre, throttled=False)
        time.sleep(0.6)
        assert [first.ask("GET"), second.ask("GET")] == [seen] * 2
        if hold:
            _pause(theatre, paused=False)
            ReplicatedHold(regions, endpoint=endpoint).release(SECONDARY)
            time.sleep(0.6)
            assert [first.ask("GET"), second.ask("GET")] == [(PRIMARY, 40)] * 2
    finally:
        first.end()
        second.end()
