"""The drill's report against a witness that shares no code with it, on fifteen days and more."""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import pytest
import urllib3

from builder.drill.findings import DrillMoment, FailoverReport
from builder.drill.run import drill_failover
from builder.local import FUNCTION_PROCESSES, EmbeddedAws
from drill.conftest import Theatre
from drill.days import DAYS, Day, directed, options
from drill.witness import (
    Outage,
    Request,
    Seen,
    Statement,
    client_of,
    make_calls,
    read_numbers,
    read_requests,
    state,
    watching,
)
from local.account import Account, deploy
from local.adapter.control import ask
from local.adapter.templates import function
from local.processes import children
from samples import sampled

EAST, WEST = "us-east-1", "us-west-2"


def _request(key: int, region: str, status: int, began: float, ended: float) -> Request:
    return Request(region, "PUT", f"/items/load-{key}", status, began, ended)


def test_the_witness_counts_what_anybody_sees_at_a_glance() -> None:
    well = [_request(second, EAST, 201, second, second + 0.1) for second in (0, 1, 2, 3, 4, 9)]
    lost = [
        _request(key, *answer)
        for key in (5, 6)
        for answer in ((EAST, 429, key, key + 0.1), (WEST, 503, key + 0.1, key + 0.2))
    ]
    taken_over = [_request(7, EAST, 429, 7, 7.1), _request(7, WEST, 201, 7.1, 7.3)]
    slow = [_request(8, EAST, 201, 8, 11), _request(8, WEST, 201, 8 + 0.5, 8.7)]
    others = [Request(EAST, "GET", "/health", 200, 5, 5.1), Request(EAST, "PUT", "/items/counter", 200, 5, 5.1)]
    calls = make_calls([*others, *well, *lost, *taken_over, *slow], "load-", 2.0)
    seen = [Seen(WEST, 3.9, 4.0, {f"load-{key}": 1 for key in range(3)})]
    left = {EAST: {}, WEST: {f"load-{key}": 1 for key in range(9)}}
    outage = Outage(primary=EAST, struck=4.5, undone=8.9, within_s=10)
    statement = state(calls, seen, left, outage)
    assert statement.rto_s == pytest.approx(7.3 - 5)
    assert statement.failback_s == 0
    assert statement.longest_gap_s == pytest.approx(7.3 - 4.1)
    assert statement.lost == 2
    assert statement.rpo_s == {WEST: pytest.approx(5 - 3.1)}
    assert {region for region, _ in statement.missing} == {EAST, WEST}
    assert {key for region, key in statement.missing if region == WEST} == {"load-9"}


@pytest.fixture
def stage(request: pytest.FixtureRequest, day: Day) -> Theatre:
    """The shipped system, in as many regions as the day has."""
    theatre: Theatre = request.getfixturevalue("theatre" if day.regions == 2 else "three_regions")
    return theatre


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Burn as many cores as there are, while the block lasts."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def _warm(stage: Theatre) -> None:
    """Start every function's processes: a cold start takes long on a machine that does other things."""
    hosts = [urlsplit(side.url).netloc for side in stage.target.sides for _ in range(FUNCTION_PROCESSES)]

    def ask_health(host: str) -> None:
        answer = urllib3.request("GET", f"{stage.account.endpoint}/health", headers={"host": host}, timeout=60)
        assert answer.status == 200

    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(ask_health, hosts))


def _drilled(stage: Theatre, day: Day) -> tuple[FailoverReport, Statement]:
    target, account = stage.target, stage.account
    regions = [side.region for side in target.sides]
    readers = {region: client_of(account.endpoint, account.id, region) for region in regions}
    left: dict[str, Mapping[str, int]] = {}
    stage.objectives = day.objectives
    context = stage.context()

    def keep(_: object) -> None:
        left.update({region: read_numbers(reader, target.needed_table) for region, reader in readers.items()})

    context = replace(context, keep=keep)
    _warm(stage)
    busy = (os.cpu_count() or 1) if day.starved else 0
    with (
        directed(stage, day.script) as wrong,
        watching(account.endpoint, account.id, target.needed_table, regions[1:]) as seen,
        _busy(busy),
    ):
        began = time.time()
        report = asyncio.run(drill_failover(context, day.options, day.fault))
    assert not wrong
    marks = {event.moment: event.at_s for event in stage.events if isinstance(event, DrillMoment)}
    zero = datetime.fromisoformat(report.about.began).timestamp()
    outage = Outage(
        primary=target.primary.region,
        struck=zero + marks["strike"],
        undone=zero + marks["undoing"],
        within_s=report.about.service_s,
    )
    requests = [request for request in read_requests(ask(account, "/_builder/requests")) if request.began >= began]
    calls = make_calls(requests, f"drill-{report.about.drill}-load-", context.access.limits.attempt_s)
    return report, state(calls, seen, left, outage)


@pytest.mark.alone
@pytest.mark.parametrize("day", sampled(DAYS, every=17), ids=lambda day: day.name)
def test_the_report_says_what_the_witness_saw(stage: Theatre, day: Day) -> None:
    report, statement = _drilled(stage, day)
    print(_row(day, report, statement))
    within_s = 1 / day.options.rate + statement.read_s
    _agree("RTO", report.outage.seconds, statement.rto_s, within_s)
    _agree("failback", report.failback.seconds, statement.failback_s, within_s)
    _agree("longest gap", report.episode.longest_gap_s, statement.longest_gap_s, within_s)
    _agree("requests lost", len(report.episode.lost), statement.lost, 0)
    rpo = {pair.destination: pair.exposure.rpo_s for pair in report.pairs if pair.exposure is not None}
    assert set(rpo) == set(report.about.secondaries) == set(statement.rpo_s)
    regions = (report.about.primary, *report.about.secondaries)
    assert {(pair.source, pair.destination) for pair in report.pairs} == set(itertools.permutations(regions, 2))
    for region, rpo_s in rpo.items():
        _agree(f"RPO to {region}", rpo_s, statement.rpo_s[region], within_s)
    reconciled = report.reconciliation
    assert {(key.region, key.id) for key in reconciled.missing if "-load-" in key.id} == statement.missing
    assert {
        (region, conflict.id) for conflict in reconciled.conflicting for region in conflict.regions
    } >= statement.behind
    assert {check.name for check in report.checks if check.verdict == "missed"} == day.missed
    assert report.verdict == day.verdict


@pytest.mark.acceptance
@pytest.mark.alone
def test_beside_busy_cores_a_drill_ends_and_says_what_it_is_worth(theatre: Theatre, embedded: EmbeddedAws) -> None:
    day = Day("two cores busy, 10 requests a second", options(before_s=4, after_s=6), "passed", starved=True)
    report, statement = _drilled(theatre, day)
    workers = children(embedded.pid)
    print(_row(day, report, statement), f"; {len(workers)} processes of functions")
    print("\n".join(f"{check.name}: {check.measured} {check.verdict} {check.reason}" for check in report.checks))
    # The server is shared by all tests here, and has the functions of two deployments.
    functions = len(theatre.target.sides) + 3
    assert len(workers) <= FUNCTION_PROCESSES * functions
    late = [check for check in report.checks if check.verdict == "not measured"]
    assert bool(late) <= bool(report.not_measured)
    assert all(check.reason for check in late)
    assert report.holds == (not late and all(check.verdict != "missed" for check in report.checks))


@pytest.mark.acceptance
@pytest.mark.alone
def test_four_requests_a_second_beside_busy_cores_start_no_more_processes_than_there_may_be() -> None:
    with EmbeddedAws() as running, _busy(os.cpu_count() or 1):
        account = Account(running.endpoint, "666666666666")
        deploy(account, "steady", function("steady", "import boto3\ndef handler(event, context):\n    return 1\n"))
        answered = _steadily(account, rate=4, for_s=6)
        assert len(children(running.pid)) <= FUNCTION_PROCESSES
    assert answered == [200] * 24


def _steadily(account: Account, rate: float, for_s: float) -> list[int]:
    """Invoke at this rate, whatever becomes of those before, and return what was answered."""
    with ThreadPoolExecutor(64) as pool:
        began, futures = time.monotonic(), []
        for turn in range(int(rate * for_s)):
            time.sleep(max(0.0, began + turn / rate - time.monotonic()))
            futures.append(pool.submit(account.functions().invoke, FunctionName="steady"))
        return [future.result()["StatusCode"] for future in futures]


def _agree(name: str, reported: float | None, witnessed: float | None, within: float) -> None:
    if reported is None or witnessed is None:
        assert reported is witnessed, f"{name}: reported {reported}, witnessed {witnessed}"
    else:
        assert abs(reported - witnessed) <= within, f"{name}: reported {reported}, witnessed {witnessed}, {within=}"


def _row(day: Day, report: FailoverReport, statement: Statement) -> str:
    """A row of the table of all days: what the report says, and the witness."""
    rpo = {pair.destination: pair.exposure.rpo_s for pair in report.pairs if pair.exposure is not None}
    numbers = [
        ("RTO", report.outage.seconds, statement.rto_s),
        ("failback", report.failback.seconds, statement.failback_s),
        ("gap", report.episode.longest_gap_s, statement.longest_gap_s),
        ("lost", len(report.episode.lost), statement.lost),
        *((f"RPO to {region}", rpo_s, statement.rpo_s.get(region)) for region, rpo_s in rpo.items()),
    ]
    shown = "; ".join(f"{name} {_short(mine)} | {_short(other)}" for name, mine, other in numbers)
    return f"ROW {day.name}: {report.verdict}: {shown}; read {statement.read_s:.3f} s; {'; '.join(report.not_measured)}"


def _short(number: float | None) -> str:
    return "never" if number is None else f"{number:.3f}".rstrip("0").rstrip(".")
