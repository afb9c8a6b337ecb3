import asyncio

import pytest

from builder.drill.concurrency import note, observe_changed, take_away, undo
from builder.drill.tag import TAG, Changed
from builder.errors import Stopped
from drill.conftest import Theatre


@pytest.mark.parametrize("reserved", [None, 0, 9])
def test_a_fault_is_undone_to_what_was_before(theatre: Theatre, reserved: int | None) -> None:
    side, functions = theatre.target.primary, theatre.account.functions()
    if reserved is not None:
        functions.put_function_concurrency(FunctionName=side.function, ReservedConcurrentExecutions=reserved)
    before = theatre.function_state()
    asyncio.run(note(theatre.clients, side, "d1"))
    asyncio.run(take_away(theatre.clients, side))
    assert asyncio.run(observe_changed(theatre.clients, side)) == Changed("d1", reserved)
    assert functions.get_function_concurrency(FunctionName=side.function)["ReservedConcurrentExecutions"] == 0
    assert asyncio.run(undo(theatre.clients, side)) == Changed("d1", reserved)
    assert theatre.function_state() == before
    assert asyncio.run(undo(theatre.clients, side)) is None
    functions.delete_function_concurrency(FunctionName=side.function)


def test_a_tag_of_somebody_else_s_is_not_acted_upon(theatre: Theatre) -> None:
    side, functions = theatre.target.primary, theatre.account.functions()
    functions.tag_resource(Resource=side.arn, Tags={TAG: "mine"})
    try:
        with pytest.raises(Stopped, match="'mine'"):
            asyncio.run(undo(theatre.clients, side))
    finally:
        functions.untag_resource(Resource=side.arn, TagKeys=[TAG])
