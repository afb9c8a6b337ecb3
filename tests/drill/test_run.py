import asyncio
import math
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from builder.aws import Clients
from builder.drill.context import clear, last_unanswered_s, opened
from builder.drill.probe import object_key
from builder.drill.records import FILE_NAME, RegionAttempt, Sent, Turn, read_log, unfinished
from builder.drill.target import Target
from builder.errors import BuilderError, Failed
from drill.conftest import Theatre
from drill.hand_made import PRIMARY, write


def test_a_drill_that_breaks_off_is_closed_all_the_same(theatre: Theatre) -> None:
    context = theatre.context()

    async def broken() -> None:
        async with opened(context, "failover", theatre.probes()) as run:
            run.mark("strike", 1.5)
            raise Failed(where="a", what="b")

    with pytest.raises(Failed):
        asyncio.run(broken())
    lines = read_log(context.folder / FILE_NAME)
    assert unfinished(lines) is None
    assert [type(line).__name__ for line in lines] == ["LogOpened", "Mark", "LogClosed"]
    assert [event.event for event in theatre.events] == ["drill.begun", "drill.moment"]


def test_a_drill_interrupted_while_its_probes_are_cleared_away_clears_them_to_the_last(theatre: Theatre) -> None:
    context, session = theatre.context(), boto3.Session(region_name="us-east-1")
    name = f"drill-{context.drill}-load-000001"
    item = {"id": {"S": f"item#{name}"}, "body": {"S": "{}"}, "time": {"S": "now"}}
    theatre.account.dynamodb().put_item(TableName=theatre.target.needed_table, Item=item)

    async def interrupted() -> None:
        loop, work = asyncio.get_running_loop(), asyncio.ensure_future(drilled())

        def cancel(**_: object) -> None:
            loop.call_soon_threadsafe(work.cancel)

        session.events.register("before-call.dynamodb.BatchWriteItem", cancel)
        await work

    async def drilled() -> None:
        async with opened(replace(context, clients=Clients(session)), "failover", theatre.probes()) as run:
            run.journal.log.write(Sent(name, "item"))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert unfinished(read_log(context.folder / FILE_NAME)) is None
    assert theatre.items("us-east-1") == theatre.items("us-west-2") == {}


def test_what_was_sent_is_gone_from_every_region_acknowledged_or_not(theatre: Theatre) -> None:
    target, keys = theatre.target, ["drill-d1-x-000001", "drill-d1-x-000002"]
    theatre.account.dynamodb("us-east-1").put_item(
        TableName=target.needed_table, Item={"id": {"S": f"item#{keys[0]}"}, "body": {"S": ""}, "time": {"S": ""}}
    )
    for side in target.sides:
        theatre.account.s3(side.region).put_object(Bucket=side.needed_bucket, Key=object_key("d1", "o"), Body=b"x")
    sent = [*(Sent(f"{key}.2", "item", 0.0, key) for key in keys), Sent("o", "object")]

    async def cleared() -> str:
        return await clear(target, theatre.probes(), theatre.clients, "d1", sent)

    assert asyncio.run(cleared()) == ""
    for side in target.sides:
        assert theatre.items(side.region) == {}
        listed = theatre.account.s3(side.region).list_object_versions(Bucket=side.needed_bucket, Prefix="drill/d1/")
        assert "Versions" not in listed


def test_a_region_that_does_not_answer_keeps_no_other_from_being_cleared(theatre: Theatre) -> None:
    target, key = theatre.target, "drill-d1-x-000001"
    for side in target.sides:
        item = {"id": {"S": f"item#{key}"}, "body": {"S": ""}, "time": {"S": ""}}
        theatre.account.dynamodb(side.region).put_item(TableName=target.needed_table, Item=item)
        theatre.account.s3(side.region).put_object(Bucket=side.needed_bucket, Key=object_key("d1", "o"), Body=b"x")

    async def cleared(gone: Target) -> None:
        await clear(gone, theatre.probes(), theatre.clients, "d1", [Sent(key, "item"), Sent("o", "object")])

    def swallow(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    events = theatre.clients.dynamodb(target.primary.region).meta.events
    events.register("before-call.dynamodb.BatchWriteItem", swallow)
    nowhere = replace(target.primary, bucket="there-is-no-such-bucket")
    try:
        with pytest.raises(BuilderError, match=r"(?s)us-east-1: .*does not answer.*us-east-1: there-is-no-such-bucket"):
            asyncio.run(cleared(replace(target, primary=nowhere)))
    finally:
        events.unregister("before-call.dynamodb.BatchWriteItem", swallow)
    other = target.secondary
    assert theatre.items(other.region) == {}
    assert "Versions" not in theatre.account.s3(other.region).list_object_versions(
        Bucket=other.needed_bucket, Prefix="drill/d1/"
    )
    asyncio.run(cleared(target))
    assert theatre.items(target.primary.region) == {}


def test_a_request_without_an_answer_is_given_the_time_to_be_carried_out_before_all_is_cleared() -> None:
    answered, refused = RegionAttempt(PRIMARY, 1.0, 1.1, 201), RegionAttempt(PRIMARY, 2.0, 2.1, 429)
    given_up = RegionAttempt(PRIMARY, 3.0, 5.0, None)
    assert last_unanswered_s([write("a", answered), write("b", refused, answered)]) == -math.inf
    assert last_unanswered_s([write("a", given_up, answered), write("b", refused, answered)]) == 5.0
    turn = Turn(number=1, planned_s=0, read=(answered,), turn_read=0, value_read=0, value_written=1, write=(given_up,))
    assert last_unanswered_s([turn]) == 5.0
