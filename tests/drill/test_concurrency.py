import asyncio
from typing import Any

import boto3
import pytest

from builder.aws import Clients
from builder.drill.concurrency import check_alone, note, observe_changed, take_away, undo
from builder.drill.tag import TAG, Changed
from builder.errors import Stopped
from drill.conftest import Theatre


@pytest.mark.parametrize("reserved", [None, 0, 9])
def test_a_fault_is_undone_to_what_was_before(theatre: Theatre, reserved: int | None) -> None:
    function, functions = theatre.target.primary.function, theatre.account.functions()
    if reserved is not None:
        functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=reserved)
    before = theatre.function_state()
    asyncio.run(note(theatre.clients, function, "d1"))
    asyncio.run(take_away(theatre.clients, function))
    assert asyncio.run(observe_changed(theatre.clients, function)) == (Changed("d1", reserved),)
    assert functions.get_function_concurrency(FunctionName=function.name)["ReservedConcurrentExecutions"] == 0
    assert asyncio.run(undo(theatre.clients, function, "d1")) == Changed("d1", reserved)
    assert theatre.function_state() == before
    assert asyncio.run(undo(theatre.clients, function, "d1")) is None
    functions.delete_function_concurrency(FunctionName=function.name)


def test_a_drill_does_not_begin_over_another_s_note(theatre: Theatre) -> None:
    function, before = theatre.target.primary.function, theatre.function_state()
    asyncio.run(note(theatre.clients, function, "first"))
    asyncio.run(take_away(theatre.clients, function))
    during = theatre.function_state()
    with pytest.raises(Stopped, match="drill first is under way, or did not end") as caught:
        asyncio.run(note(theatre.clients, function, "second"))
    assert "drill restore" in caught.value.next_step
    assert asyncio.run(undo(theatre.clients, function, "second")) is None
    assert theatre.function_state() == during
    assert asyncio.run(undo(theatre.clients, function, "first")) == Changed("first", None)
    assert theatre.function_state() == before


def test_of_two_drills_that_note_at_once_the_later_gives_way_and_takes_nothing_of_the_other_s(
    theatre: Theatre,
) -> None:
    function, before = theatre.target.primary.function, theatre.function_state()
    session, overtaken = boto3.Session(region_name="us-east-1"), list[str]()

    def overtake(**_: Any) -> None:
        """Between the other's look and its note."""
        overtaken.append("first")
        asyncio.run(note(theatre.clients, function, "first"))
        asyncio.run(take_away(theatre.clients, function))

    session.events.register("before-call.lambda.TagResource", overtake)
    with pytest.raises(Stopped, match="drill first is under way"):
        asyncio.run(note(Clients(session), function, "second"))
    assert overtaken == ["first"]
    assert asyncio.run(observe_changed(theatre.clients, function)) == (Changed("first", None),)
    asyncio.run(undo(theatre.clients, function, "first"))
    assert theatre.function_state() == before


def test_a_tag_of_somebody_else_s_is_not_acted_upon(theatre: Theatre) -> None:
    function, functions = theatre.target.primary.function, theatre.account.functions()
    functions.tag_resource(Resource=function.arn, Tags={TAG: "mine"})
    try:
        with pytest.raises(Stopped, match="'mine'"):
            asyncio.run(check_alone(theatre.clients, function))
        assert asyncio.run(undo(theatre.clients, function, "d1")) is None
    finally:
        functions.untag_resource(Resource=function.arn, TagKeys=[TAG])
