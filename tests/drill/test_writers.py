import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from builder.drill.clock import start_clock
from builder.drill.probe import Probe
from builder.drill.table import delete_items, see_items
from builder.drill.writers import Access, item_writer, object_writer
from drill.conftest import Theatre
from local.account import PRIMARY, SECONDARY

PROBE = Probe("drill-t-x-000001", '{"number": 1}')
CLOCK = start_clock(datetime(2026, 1, 1, tzinfo=UTC), iter(range(1000)).__next__)


def test_an_item_is_acknowledged_by_the_first_side_that_takes_it(theatre: Theatre) -> None:
    target, access = theatre.target, Access(theatre.account.endpoint)
    done = item_writer(target.sides, access, CLOCK)(PROBE)
    assert (done.acknowledged_by, done.body, len(done.attempts)) == (PRIMARY, PROBE.body, 1)
    gone = replace(target.primary, url="https://gone.lambda-url.us-east-1.on.aws/")
    assert asyncio.run(see_items(theatre.clients, target.primary, target.needed_table, [PROBE.id])) == {PROBE.id}
    assert item_writer([gone], access, CLOCK)(PROBE).acknowledged_by is None
    for side in target.sides:
        asyncio.run(delete_items(theatre.clients, side, target.needed_table, [PROBE.id]))


def test_a_side_where_nobody_listens_is_an_attempt_without_a_status(theatre: Theatre) -> None:
    done = item_writer(theatre.target.sides, Access("http://127.0.0.1:9"), CLOCK)(PROBE)
    assert [(one.region, one.status) for one in done.attempts] == [(PRIMARY, None), (SECONDARY, None)]
    assert done.acknowledged_by is None


def test_an_object_that_the_bucket_does_not_take_is_not_acknowledged(theatre: Theatre) -> None:
    nowhere = replace(theatre.target.primary, bucket="there-is-no-such-bucket")
    done = object_writer(nowhere, "d1", theatre.clients, CLOCK)(PROBE)
    assert (done.what, done.acknowledged_by) == ("object", None)
