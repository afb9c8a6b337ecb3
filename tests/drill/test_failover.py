"""The failover drill, on the embedded AWS."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from builder import client
from builder.aws import Clients
from builder.drill import health
from builder.drill.faults import FAULTS, find_fault
from builder.drill.findings import DrillMoment, DrillProgress
from builder.drill.records import FILE_NAME, LogClosed, Turn, Write, read_log
from builder.drill.run import FailoverOptions, drill_failover
from builder.drill.verdict import Objectives
from builder.errors import BadInput, Stopped
from drill.conftest import Theatre
from drill.short_drills import RATE, at, drilled, meanwhile
from local.account import PRIMARY, SECONDARY
from local.adapter.control import ask, paced, set_pace


def test_a_healthy_secondary_takes_over_without_a_request_lost(theatre: Theatre) -> None:
    before = theatre.function_state()
    # Long enough for the client's circuit to let the primary be asked again.
    report = drilled(theatre, FailoverOptions(rate=RATE, before_s=2, outage_s=2.5, after_s=6, patience_s=20))
    print(report.outage, report.episode, report.pairs)
    assert report.about.copies == theatre.target.copies != ()
    assert report.outage.seconds == 0
    assert report.requests.lost == ()
    assert report.reconciliation.is_complete
    assert report.holds
    assert [happening.name for happening in report.timeline if happening.at_s is None] == []
    assert report.objects.acknowledged > 5
    (there, back) = report.pairs
    assert [delays.stream.what for delays in there.delays] == ["item", "object"]
    assert (there.source, there.destination, back.delays) == (PRIMARY, SECONDARY, ())
    assert theatre.function_state() == before
    check_kept(theatre, report.about.log_sha256)


def check_kept(theatre: Theatre, log_sha256: str) -> None:
    """The log is of all kinds of write, and as the report says but for its last line."""
    (path,) = theatre.folder.glob(f"*/{FILE_NAME}")
    written = path.read_bytes()
    whole = written[: written.rstrip(b"\n").rindex(b"\n") + 1]
    assert hashlib.sha256(whole).hexdigest() == log_sha256
    lines = read_log(path)
    assert isinstance(lines[-1], LogClosed)
    writes = [line for line in lines if isinstance(line, Write) and line.what == "item"]
    assert {(write.deletes, write.number > 1) for write in writes} == {(False, False), (False, True), (True, True)}
    deleted = [write.key for write in writes if write.deletes]
    assert len(deleted) == len(set(deleted))
    planned = [write.planned_s for write in sorted(writes, key=lambda write: write.planned_s)]
    assert planned == pytest.approx([planned[0] + number / RATE for number in range(len(planned))], abs=1e-6)
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def test_a_secondary_that_is_ill_for_three_seconds_makes_an_rto_of_three_seconds(theatre: Theatre) -> None:
    fault = {"function_urls": [{"region": SECONDARY, "status": 503, "for_s": 3.0}]}
    theatre.on_event = at("fault", lambda: ask(theatre.account, "/_builder/faults", fault))
    theatre.objectives = Objectives(rto_seconds=2)
    report = drilled(theatre, FailoverOptions(rate=RATE, before_s=2, outage_s=5, after_s=1, patience_s=20))
    print("RTO", report.outage.seconds, "lost", len(report.requests.lost))
    assert report.outage.seconds == pytest.approx(3.0, abs=2 / RATE + 0.05)
    assert len(report.requests.lost) == pytest.approx(3.0 * RATE, abs=4)
    assert not report.holds


def test_what_a_pause_holds_back_is_at_risk_whatever_kind_of_write_it_is(theatre: Theatre) -> None:
    def follow(event: DrillProgress) -> None:
        if isinstance(event, DrillMoment) and event.moment == "load":
            # Something has to be overwritten and deleted in the pause.
            asyncio.get_running_loop().call_later(2.0, lambda: set_pace(theatre.account, "dynamodb", paused=True))
        at("undone", lambda: set_pace(theatre.account, "dynamodb"))(event)

    theatre.on_event = follow
    try:
        # Paused for three seconds before the fault, and through the outage.
        report = drilled(theatre, FailoverOptions(rate=RATE, before_s=5, outage_s=1.5, after_s=1, patience_s=20))
    finally:
        set_pace(theatre.account, "dynamodb")
    exposure = report.pairs[0].exposure
    assert exposure is not None
    print("RPO", exposure.rpo_s, "lost", len(exposure.lost))
    assert exposure.rpo_s == pytest.approx(3.0, abs=0.6)
    assert len(exposure.lost) > 2 * RATE
    (path,) = theatre.folder.glob(f"*/{FILE_NAME}")
    writes = {line.id: line for line in read_log(path) if isinstance(line, Write)}
    assert {(writes[name].deletes, writes[name].number > 1) for name in exposure.lost} == {
        (False, False),
        (False, True),
        (True, True),
    }
    assert report.reconciliation.is_complete


@pytest.mark.parametrize("hold", [False, True])
def test_an_account_of_the_clients_is_stale_after_a_failback_without_a_hold(theatre: Theatre, *, hold: bool) -> None:
    """What the secondary acknowledged does not reach the primary: who goes back to it reads, and pays, once more."""

    def pause(*, paused: bool) -> None:
        set_pace(theatre.account, "dynamodb", paused=paused, source=SECONDARY, destination=PRIMARY)

    theatre.on_event = both(at("fault", lambda: pause(paused=True)), at("load ended", lambda: pause(paused=False)))
    theatre.objectives = Objectives(stale_reads=0, overwritten_updates=0)
    theatre.limits = client.Limits(open_s=1.0, attempt_s=8, deadline_s=20)
    # Back to the primary several times: a turn that reads just before and writes just after shows nothing.
    options = FailoverOptions(rate=10, object_rate=0.5, before_s=3, outage_s=6, after_s=4, patience_s=20, hold=hold)
    try:
        report = asyncio.run(drill_failover(theatre.context(), options, find_fault("flap", flap_s=1.5)))
    finally:
        pause(paused=False)
    assert report.counter is not None
    print(report.counter)
    assert report.reconciliation.is_complete
    assert bool(report.counter.stale) is not hold
    assert bool(report.counter.overwritten) is not hold
    # Beside those of the clients, one read in each region at the end.
    assert check_read_back(theatre) == [PRIMARY, SECONDARY]
    assert report.holds is hold
    assert ("by a hold" in report.about.service) is hold
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def check_read_back(theatre: Theatre) -> list[str | None]:
    """The regions in which the counter was read back: to its last turn, and with nothing written."""
    (path,) = theatre.folder.glob(f"*/{FILE_NAME}")
    turns = [line for line in read_log(path) if isinstance(line, Turn)]
    last = max(turn.number for turn in turns if turn.acknowledged_by is not None)
    ends = [turn for turn in turns if turn.value_written is None and turn.number > last]
    assert {turn.turn_read for turn in ends} == {last}
    return [turn.read_by for turn in ends]


def both(*takes: Callable[[DrillProgress], None]) -> Callable[[DrillProgress], None]:
    """All of them, in order."""

    def take(event: DrillProgress) -> None:
        for follow in takes:
            follow(event)

    return take


def test_a_hold_is_refused_where_the_probes_have_no_items_before_anything_is_written(theatre: Theatre) -> None:
    context = replace(theatre.context(), probe="table")
    options = FailoverOptions(rate=5, before_s=1, outage_s=1, after_s=0, patience_s=1, hold=True)
    with pytest.raises(BadInput, match="--hold"):
        asyncio.run(drill_failover(context, options, FAULTS["throttle"]))
    assert theatre.events == []


def test_while_the_fault_lasts_nothing_is_asked_of_the_primary_s_apis(theatre: Theatre) -> None:
    session = boto3.Session(region_name=PRIMARY)
    calls: list[tuple[str, str]] = []

    def note(model: Any, context: Any, **_: Any) -> None:
        calls.append((context["client_region"], model.name))

    def mark(moment: str) -> Callable[[], None]:
        return lambda: calls.append(("moment", moment))

    session.events.register("before-call", note)
    theatre.clients, theatre.on_event = Clients(session), at("fault", mark("fault"))
    options = FailoverOptions(rate=5, before_s=1, outage_s=1, after_s=0.2, patience_s=20)
    asyncio.run(drill_failover(theatre.context(), options, meanwhile(mark("undoing"))))
    since_fault = itertools.dropwhile(lambda call: call != ("moment", "fault"), calls)
    during = list(itertools.takewhile(lambda call: call != ("moment", "undoing"), since_fault))[1:]
    # The load itself puts objects into the primary's bucket; what reads, reads elsewhere.
    assert set(during) - {(PRIMARY, "PutObject")} <= {(SECONDARY, "BatchGetItem"), (SECONDARY, "ListObjectsV2")}
    assert (SECONDARY, "BatchGetItem") in during


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
    report = drilled(
        theatre, FailoverOptions(rate=RATE, before_s=1, outage_s=2.5, after_s=1.5, patience_s=20), "manual"
    )
    assert report.about.fault == "made by people"
    assert report.outage.seconds is not None
    assert report.reconciliation.is_complete


def test_a_write_that_a_region_never_gets_is_named_and_fails_the_drill(theatre: Theatre) -> None:
    table = theatre.target.needed_table

    def lose() -> None:
        lost = next(name for name in sorted(theatre.items(PRIMARY)) if "-load-" in name)
        key = {"id": {"S": f"item#{lost}"}}
        set_pace(theatre.account, "dynamodb", paused=True)
        theatre.account.dynamodb(SECONDARY).delete_item(TableName=table, Key=key)

    with paced(theatre.account, "dynamodb"):
        theatre.on_event = at("load ended", lose)
        report = drilled(theatre, FailoverOptions(rate=RATE, before_s=0.6, outage_s=0.2, after_s=0, patience_s=0.2))
    assert {key.id for key in report.reconciliation.missing} > set()
    assert not report.holds
