import asyncio
from contextlib import nullcontext

import pytest

from builder.drill.tasks import in_the_end, task_group, to_its_end
from builder.errors import BadInput, BuilderError, Failed, Several


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


def test_a_change_that_is_cancelled_however_often_has_been_answered_first() -> None:
    done: list[str] = []

    async def change() -> str:
        await asyncio.sleep(0.05)
        done.append("changed")
        return "answer"

    async def interrupted() -> None:
        task = asyncio.ensure_future(to_its_end(change()))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["changed"]

    asyncio.run(interrupted())
    assert asyncio.run(to_its_end(change())) == "answer"


def test_a_change_that_fails_says_so_also_where_it_was_cancelled() -> None:
    async def change() -> None:
        await asyncio.sleep(0.02)
        raise Failed(where="us-east-1", what="refused")

    async def interrupted() -> None:
        task = asyncio.ensure_future(to_its_end(change()))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(Failed, match="refused"):
        asyncio.run(interrupted())


async def end(done: list[str], error: BaseException | None = None, at_the_end: BaseException | None = None) -> None:
    async def work() -> None:
        done.append("ended")
        if at_the_end is not None:
            raise at_the_end

    async with in_the_end(work):
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [None, Failed(where="a", what="b"), KeyError("x"), asyncio.CancelledError()])
def test_what_is_to_be_done_in_the_end_is_done_however_it_ends(error: BaseException | None) -> None:
    done: list[str] = []
    with pytest.raises(type(error)) if error is not None else nullcontext():
        asyncio.run(end(done, error))
    assert done == ["ended"]


@pytest.mark.parametrize("error", [None, asyncio.CancelledError(), Failed(where="a", what="before")])
def test_what_fails_in_the_end_is_told_beside_what_failed_before(error: BaseException | None) -> None:
    with pytest.raises(BuilderError, match="at the end") as caught:
        asyncio.run(end([], error, Failed(where="b", what="at the end")))
    assert ("before" in str(caught.value)) is isinstance(error, Failed)
