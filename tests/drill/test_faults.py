"""What each fault does is in test_concurrency.py and test_failover.py; here, what happens where it is not made."""

import asyncio

import pytest

from builder.drill.concurrency import note, undo
from builder.drill.failover import Course, drill_failover
from builder.drill.faults import FAULTS
from builder.drill.progress import DrillProgress
from builder.errors import Stopped
from drill.conftest import Theatre


def test_where_people_make_no_fault_nobody_is_asked_to_undo_it(theatre: Theatre) -> None:
    course = Course(rate=10, before_s=1, outage_s=1, after_s=0, patience_s=0.2)
    with pytest.raises(Stopped, match="us-east-1: no request failed there"):
        asyncio.run(drill_failover(theatre.ground(), course, FAULTS["manual"]))
    asked = [event.what for event in theatre.said if event.event == "drill.asks"]
    assert asked == ["make the fault in us-east-1"]


def test_a_drill_that_gives_way_to_another_says_nothing_of_a_fault_undone(theatre: Theatre) -> None:
    function = theatre.target.primary.function
    before = theatre.function_state()

    def begin(event: DrillProgress) -> None:
        if event.event == "drill.moment" and event.moment == "load":
            asyncio.get_running_loop().create_task(note(theatre.clients, function, "another"))

    theatre.on_event = begin
    course = Course(rate=10, before_s=1, outage_s=1, after_s=0, patience_s=5)
    with pytest.raises(Stopped, match="drill another is under way"):
        asyncio.run(drill_failover(theatre.ground(), course, FAULTS["concurrency"]))
    assert [event.moment for event in theatre.said if event.event == "drill.moment"] == ["load"]
    assert asyncio.run(undo(theatre.clients, function, "another"))
    assert theatre.function_state() == before
