import asyncio

import pytest

from builder.drill.onlooker import Onlooker
from builder.errors import Stopped
from drill.hand_made import PRIMARY, SECONDARY, attempt, good, over, write


def test_a_failure_is_seen_by_the_first_request_that_fails_from_then_on() -> None:
    async def look() -> float:
        onlooker = Onlooker(PRIMARY)
        onlooker.note(over("before", 1.0))
        waiting = asyncio.ensure_future(onlooker.failing(1))
        await asyncio.sleep(0)
        for one in (good("a", 2.0), write("b", attempt(SECONDARY, 2.5, 503)), over("c", 3.0), over("d", 4.0)):
            onlooker.note(one)
        return await waiting

    assert asyncio.run(look()) == 3.0


def test_the_primary_s_answers_are_seen_again() -> None:
    async def look() -> None:
        onlooker = Onlooker(PRIMARY)
        onlooker.note(good("a", 1.0))
        waiting = asyncio.ensure_future(onlooker.answering(1))
        await asyncio.sleep(0)
        onlooker.note(over("b", 2.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        onlooker.note(good("c", 3.0))
        await waiting

    asyncio.run(look())


def test_nobody_waits_for_ever() -> None:
    with pytest.raises(Stopped, match="no request failed there within 0 s"):
        asyncio.run(Onlooker(PRIMARY).failing(0.01))
    with pytest.raises(Stopped, match="no request was answered there"):
        asyncio.run(Onlooker(PRIMARY).answering(0.01))
