"""A fault is undone, and what could not be is told, whatever happens to the drill; on the embedded AWS."""

import asyncio
import errno
import threading
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from builder.aws import Clients
from builder.drill.context import clear, undo_faults
from builder.drill.faults import FAULTS, Fault, Struck
from builder.drill.findings import DrillMoment, DrillNote, DrillProgress
from builder.drill.records import FILE_NAME, read_log, unfinished
from builder.drill.run import FailoverOptions, drill_failover
from builder.errors import AwsError, BuilderError, Failed
from drill.conftest import Theatre
from drill.full_disk import fill_up
from drill.short_drills import BRIEF, RATE, SHORT, at, meanwhile
from local.account import PRIMARY, SECONDARY
from local.adapter.control import paced, set_pace


def test_an_interrupted_drill_undoes_its_fault_and_clears_up(theatre: Theatre) -> None:
    before = theatre.function_state()

    async def interrupted() -> None:
        work = asyncio.ensure_future(drill_failover(theatre.context(), SHORT, FAULTS["throttle"]))
        theatre.on_event = at("fault", lambda: asyncio.get_running_loop().call_later(0.3, work.cancel))
        await work

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert theatre.function_state() == before
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def test_a_drill_interrupted_while_its_fault_is_undone_undoes_it_all_the_same(theatre: Theatre) -> None:
    before = theatre.function_state()

    async def interrupted() -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(
            drill_failover(theatre.context(), BRIEF, meanwhile(lambda: loop.call_later(0.1, work.cancel)))
        )
        await work

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert theatre.function_state() == before
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def test_a_secondary_that_cannot_be_read_while_the_fault_is_undone_does_not_prevent_it(theatre: Theatre) -> None:
    before, session, broken = theatre.function_state(), boto3.Session(region_name=PRIMARY), threading.Event()

    def fail(context: Any, **_: Any) -> None:
        if broken.is_set() and context["client_region"] == SECONDARY:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.us-west-2.amazonaws.com")

    session.events.register("before-call.dynamodb.BatchGetItem", fail)
    theatre.clients = Clients(session)

    def pause() -> None:
        """Soon: something has arrived, and something is still looked for when the fault is undone."""
        asyncio.get_running_loop().call_later(0.5, lambda: set_pace(theatre.account, "dynamodb", paused=True))

    theatre.on_event = at("load", pause)
    with paced(theatre.account, "dynamodb"):
        options = replace(BRIEF, before_s=1, patience_s=1)
        report = asyncio.run(drill_failover(theatre.context(), options, meanwhile(broken.set)))
    assert theatre.function_state() == before
    assert not report.holds
    assert any("us-west-2" in reason for reason in report.not_measured)
    notes = [event.what for event in theatre.events if isinstance(event, DrillNote)]
    assert any("items of us-west-2 cannot be read" in note and "AWS does not answer" in note for note in notes)
    assert any("what us-west-2 holds is not measured" in note for note in notes)


def test_a_full_disk_does_not_keep_the_fault_from_being_undone(theatre: Theatre) -> None:
    before, context = theatre.function_state(), theatre.context()
    theatre.on_event = at("fault", lambda: fill_up(context.folder / FILE_NAME))
    with pytest.raises(BuilderError, match="cannot be written: No space left on device"):
        asyncio.run(drill_failover(context, SHORT, FAULTS["throttle"]))
    assert theatre.function_state() == before
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def test_a_terminal_that_is_gone_does_not_either(theatre: Theatre) -> None:
    before = theatre.function_state()

    def gone(event: DrillProgress) -> None:
        if isinstance(event, DrillMoment) and event.moment != "load":
            raise OSError(errno.EIO, "Input/output error")

    theatre.on_event = gone
    with pytest.raises(ExceptionGroup):
        asyncio.run(drill_failover(theatre.context(), SHORT, FAULTS["throttle"]))
    assert theatre.function_state() == before
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}


def test_the_report_outlives_probes_that_cannot_be_cleared_away(theatre: Theatre) -> None:
    session = boto3.Session(region_name=PRIMARY)

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.us-west-2.amazonaws.com")

    session.events.register("before-call.dynamodb.BatchWriteItem", fail)
    clients, theatre.clients = theatre.clients, Clients(session)
    context = theatre.context()
    reason = rf"(?s)probes of drill {context.drill} are not cleared away: .*does not answer"
    with pytest.raises(Failed, match=reason) as caught:
        asyncio.run(drill_failover(context, BRIEF, FAULTS["throttle"]))
    assert caught.value.next_step.startswith("python -m builder drill restore")
    (report,) = theatre.kept
    assert report.about.drill == context.drill
    lines = read_log(context.folder / FILE_NAME)
    assert unfinished(lines)
    asyncio.run(clear(theatre.target, theatre.probes(), clients, context.drill, lines))


@pytest.mark.parametrize("remedy", ["python -m builder drill restore", "undo it by hand"])
def test_a_fault_that_cannot_be_undone_says_so_and_what_undoes_it(theatre: Theatre, remedy: str) -> None:
    async def nothing() -> Struck:
        return Struck(1.0, 1.0)

    async def refused() -> bool:
        raise AwsError(where="us-east-1", code="Throttled", what="AWS refused")

    options = FailoverOptions(rate=RATE, before_s=0.6, outage_s=0.1, after_s=0, patience_s=5)
    fault = Fault("of the test", nothing, refused, remedy)
    with pytest.raises(Failed, match="the fault is not undone: us-east-1: AWS refused") as caught:
        asyncio.run(drill_failover(theatre.context(), options, lambda _: fault))
    assert caught.value.next_step == remedy
    assert "undone" not in [event.moment for event in theatre.events if isinstance(event, DrillMoment)]


def test_a_note_that_somebody_took_away_meanwhile_is_told(theatre: Theatre) -> None:
    def take() -> None:
        function = theatre.target.primary.function
        asyncio.get_running_loop().create_task(undo_faults(function, theatre.clients, theatre.events.append))

    before = theatre.function_state()
    with pytest.raises(Failed, match=r"the fault is not undone: .*no longer noted"):
        asyncio.run(drill_failover(theatre.context(), BRIEF, meanwhile(take)))
    assert theatre.function_state() == before
