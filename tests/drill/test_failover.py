"""The failover drill, on the embedded AWS."""

import asyncio
import itertools
import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from builder.aws import Clients
from builder.drill import health
from builder.drill.failover import Course, drill_failover
from builder.drill.progress import DrillMoment, DrillProgress
from builder.drill.verdict import Objectives
from builder.drill.watch import LOOK_S
from builder.errors import Stopped
from drill.conftest import Theatre
from drill.course import RATE, at, drilled, exposed, meanwhile
from local.account import PRIMARY, SECONDARY
from local.adapter.control import ask, paced, set_pace


def test_a_healthy_secondary_takes_over_as_quickly_as_the_log_of_requests_says(theatre: Theatre) -> None:
    before = theatre.function_state()
    # Long enough for the client's circuit to let the primary be asked again.
    found = drilled(theatre, Course(rate=RATE, before_s=1, outage_s=2.5, after_s=6, patience_s=20))
    began = datetime.fromisoformat(found.about.began).timestamp()
    log = [one for one in ask(theatre.account, "/_builder/requests")["requests"] if one["time"] > began]
    refused = next(one for one in log if one["region"] == PRIMARY and one["status"] == 429)
    taken = next(
        one for one in log if one["region"] == SECONDARY and one["path"] == refused["path"] and one["status"] == 201
    )
    took_s = taken["time"] + taken["duration_s"] - refused["time"]
    at_s = {one.name: one.at_s or 0.0 for one in found.timeline}
    print("failover", at_s["failover"], "by the log of requests", took_s, found.not_measured)
    assert at_s["failover"] == pytest.approx(refused["time"] - began + took_s, abs=0.05)
    assert found.outage.outcome in {"served throughout", "restored"}
    assert found.reconciliation.is_complete
    assert found.verdict != "failed"
    assert [one.name for one in found.timeline if one.at_s is None] == []
    assert theatre.function_state() == before


def test_a_secondary_that_is_ill_for_three_seconds_makes_an_rto_of_three_seconds(theatre: Theatre) -> None:
    fault = {"function_urls": [{"region": SECONDARY, "status": 503, "for_s": 3.0}]}
    theatre.on_event = at("fault", lambda: ask(theatre.account, "/_builder/faults", fault))
    theatre.objectives = Objectives(rto_seconds=2)
    found = drilled(theatre, Course(rate=RATE, before_s=1, outage_s=5, after_s=1, patience_s=20))
    print("RTO", found.outage.seconds, "lost", len(found.requests.lost))
    assert found.outage.seconds == pytest.approx(3.0, abs=1 / RATE + 0.02)
    assert len(found.requests.lost) == pytest.approx(3.0 * RATE, abs=4)
    assert not found.holds


class Read(NamedTuple):
    """One look at the secondary's table with a client of one's own: when, and what was there."""

    begun: float
    ended: float
    there: set[str]


@contextmanager
def reading(theatre: Theatre) -> Iterator[list[Read]]:
    """Read the secondary's table all the time."""
    reads: list[Read] = []
    over = threading.Event()

    def read() -> None:
        while not over.wait(0.05):
            begun = datetime.now(UTC).timestamp()
            there = set(theatre.items(SECONDARY))
            reads.append(Read(begun, datetime.now(UTC).timestamp(), there))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield reads
    finally:
        over.set()
        thread.join()


def test_writes_held_back_by_a_pause_are_exactly_those_found_lost_and_come_after_it(theatre: Theatre) -> None:
    missing: set[str] = set()
    written: dict[str, str] = {}

    def compare() -> None:
        written.update(theatre.items(PRIMARY))
        missing.update(set(written) - set(theatre.items(SECONDARY)))

    def follow(event: DrillProgress) -> None:
        if isinstance(event, DrillMoment) and event.moment == "load":
            # Between two sightings: what is under way has arrived on the embedded AWS.
            asyncio.get_running_loop().call_later(1.0, lambda: pause(paused=True))
        at("fault", compare)(event)
        at("undone", lambda: pause(paused=False))(event)

    def pause(*, paused: bool) -> None:
        set_pace(theatre.account, "dynamodb", paused=paused)

    theatre.on_event = follow
    try:
        # Paused for five seconds before the fault, and through the outage.
        found = drilled(theatre, Course(rate=RATE, before_s=6, outage_s=2, after_s=1, patience_s=20))
    finally:
        pause(paused=False)
    written_by = acknowledged(theatre.folder)
    missing = {name for name in missing if written_by.get(name, math.inf) <= exposed(found).at_s}
    assert set(exposed(found).lost) == missing
    assert len(missing) > 4 * RATE
    struck = datetime.fromisoformat(found.about.began) + timedelta(seconds=exposed(found).at_s)
    oldest = min(datetime.fromisoformat(written[name]) for name in missing)
    age_s = (struck - oldest).total_seconds()
    print("RPO", exposed(found).rpo_s, "by the table's own times", age_s, "lost", len(missing))
    # The table's times are of the writing, the drill's of the acknowledgement some milliseconds later.
    assert 0 < age_s - exposed(found).rpo_s < 0.5
    assert found.reconciliation.is_complete
    assert found.verdict != "failed"


def test_the_rpo_is_what_a_reader_of_the_tables_computes(theatre: Theatre) -> None:
    with paced(theatre.account, "dynamodb", delay_s=0.8), reading(theatre) as reads:
        found = drilled(theatre, Course(rate=RATE, before_s=2.5, outage_s=1, after_s=0.5, patience_s=20))
        writes = acknowledged(theatre.folder)
    at_s = exposed(found).at_s
    struck = datetime.fromisoformat(found.about.began).timestamp() + at_s
    had = set().union(*(read.there for read in reads if read.ended <= struck))
    had_not = next(read.there for read in reads if read.begun >= struck)
    # What arrived between the last read before the fault and the first after it may count as lost or not.
    most, least = (
        max(at_s - ended_s for name, ended_s in writes.items() if ended_s <= at_s and name not in there)
        for there in (had, had_not)
    )
    # What docs/drills.md states: the reader may have seen what the drill's own reads had not, and the next older write
    # is one interval of sending older.
    resolution = 1 / RATE + LOOK_S + 2 * max(read.ended - read.begun for read in reads)
    print("RPO", exposed(found).rpo_s, "by a reader of the tables", least, "to", most, "resolution", resolution)
    assert most - least < 0.5
    assert least <= exposed(found).rpo_s <= most + resolution
    assert found.reconciliation.is_complete


def acknowledged(drills: Path) -> dict[str, float]:
    """What the log of the only drill says was acknowledged by the primary, and when."""
    (log,) = drills.glob("*/log.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    writes = [line for line in lines if line["kind"] == "write"]
    ended = [(one["id"], one["attempts"][-1]) for one in writes]
    return {name: last["ended_s"] for name, last in ended if last["status"] == 201 and last["region"] == PRIMARY}


def test_while_the_fault_lasts_nothing_is_asked_of_the_primary_s_apis(theatre: Theatre) -> None:
    session = boto3.Session(region_name=PRIMARY)
    asked: list[tuple[str, str]] = []

    def note(model: Any, context: Any, **_: Any) -> None:
        asked.append((context["client_region"], model.name))

    def mark(moment: str) -> Callable[[], None]:
        return lambda: asked.append(("moment", moment))

    session.events.register("before-call", note)
    theatre.clients, theatre.on_event = Clients(session), at("fault", mark("fault"))
    course = Course(rate=5, before_s=1, outage_s=1, after_s=0.2, patience_s=20)
    asyncio.run(drill_failover(theatre.ground(), course, meanwhile(mark("undoing"))))
    since_fault = itertools.dropwhile(lambda one: one != ("moment", "fault"), asked)
    during = list(itertools.takewhile(lambda one: one != ("moment", "undoing"), since_fault))[1:]
    assert set(during) == {(SECONDARY, "BatchGetItem")}


def test_a_system_that_is_not_well_is_not_hurt(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WARM_S", 0.0)
    before = theatre.function_state()
    fault = {"function_urls": [{"region": SECONDARY, "status": 503, "for_s": 30}]}
    ask(theatre.account, "/_builder/faults", fault)
    try:
        with pytest.raises(Stopped, match=r"no fault is made\n.*us-west-2: .*health.*503"):
            drilled(theatre)
    finally:
        ask(theatre.account, "/_builder/faults", {"function_urls": [{"region": SECONDARY, "status": 503, "for_s": 0}]})
    assert theatre.function_state() == before


def test_a_table_that_does_not_replicate_stops_the_drill_before_the_fault(theatre: Theatre) -> None:
    before = theatre.function_state()
    with (
        paced(theatre.account, "dynamodb", paused=True),
        pytest.raises(Stopped, match="nothing that us-east-1 acknowledged has arrived in us-west-2"),
    ):
        drilled(theatre)
    assert theatre.function_state() == before
    assert theatre.items(PRIMARY) == {}


def test_a_fault_made_by_people_is_seen_by_the_requests(theatre: Theatre) -> None:
    outage = {"function_urls": [{"region": PRIMARY, "status": 500, "for_s": 2.0}]}

    def person(event: DrillProgress) -> None:
        if event.event == "drill.asks" and event.what.startswith("make"):
            ask(theatre.account, "/_builder/faults", outage)

    theatre.on_event = person
    found = drilled(theatre, Course(rate=RATE, before_s=1, outage_s=2.5, after_s=1.5, patience_s=20), "manual")
    assert found.about.fault == "made by people"
    assert (found.outage.outcome, found.outage.seconds) == ("served throughout", 0)
    assert exposed(found).at_s == found.timeline[0].at_s
    assert found.reconciliation.is_complete


def test_a_write_that_a_region_never_gets_is_named_and_fails_the_drill(theatre: Theatre) -> None:
    table = theatre.target.needed_table

    def lose() -> None:
        lost = min(theatre.items(PRIMARY))
        key = {"id": {"S": f"item#{lost}"}}
        set_pace(theatre.account, "dynamodb", paused=True)
        theatre.account.dynamodb(SECONDARY).delete_item(TableName=table, Key=key)

    with paced(theatre.account, "dynamodb"):
        theatre.on_event = at("load ended", lose)
        found = drilled(theatre, Course(rate=RATE, before_s=0.6, outage_s=0.2, after_s=0, patience_s=0.2))
    assert {one.id for one in found.reconciliation.missing} > set()
    assert not found.holds
