import asyncio

import pytest

from builder.drill.tasks import task_group, to_its_end
from builder.errors import BadInput, Failed, Several


async def fail(*errors: Exception) -> None:
    async with task_group() as group:
        for error in errors:
            group.create_task(_raise(error))


async def _raise(error: Exception) -> None:
    raise error


def test_an_error_of_ours_comes_out_as_it_is() -> None:
    with pytest.raises(Failed, match="a: b"):
        asyncio.run(fail(Failed(where="a", what="b")))


def test_several_come_out_as_one_however_deep() -> None:
    async def nested() -> None:
        async with task_group() as group:
            group.create_task(fail(Failed(where="a", what="b"), BadInput(where="c", what="d")))

    with pytest.raises(Several) as caught:
        asyncio.run(nested())
    assert {error.where for error in caught.value.errors} == {"a", "c"}


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ExceptionGroup):
        asyncio.run(fail(KeyError("x"), Failed(where="a", what="b")))


def test_a_change_that_is_cancelled_has_been_answered_first() -> None:
    done: list[str] = []

    async def change() -> str:
        await asyncio.sleep(0.05)
        done.append("changed")
        return "answer"

    async def interrupted() -> None:
        task = asyncio.ensure_future(to_its_end(change()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["changed"]

    asyncio.run(interrupted())
    assert asyncio.run(to_its_end(change())) == "answer"
