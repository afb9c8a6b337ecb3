"""What each fault does is in test_concurrency.py and test_failover.py; here, what happens where it is not made."""

import asyncio

import pytest

from builder.drill.failover import Course, drill_failover
from builder.drill.faults import FAULTS
from builder.errors import Stopped
from drill.conftest import Theatre


def test_where_people_make_no_fault_nobody_is_asked_to_undo_it(theatre: Theatre) -> None:
    course = Course(rate=10, before_s=1, outage_s=1, after_s=0, patience_s=0.2)
    with pytest.raises(Stopped, match="us-east-1: no request failed there"):
        asyncio.run(drill_failover(theatre.ground(), course, FAULTS["manual"]))
    asked = [event.what for event in theatre.said if event.event == "drill.asks"]
    assert asked == ["make the fault in us-east-1"]
