import asyncio
from pathlib import Path

import pytest

import builder
from builder.aws import call, together
from builder.errors import Several, Stopped


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def refuse(where: str) -> int:
    raise Stopped(where=where, what="no")


async def crash() -> int:
    raise ZeroDivisionError


def test_a_blocking_call_is_awaited_with_its_arguments() -> None:
    assert asyncio.run(call("here", divmod, 7, 2)) == (3, 1)


def test_results_come_in_the_order_of_the_work() -> None:
    assert asyncio.run(together([answer(1), answer(2)])) == [1, 2]


def test_every_error_is_raised_as_one() -> None:
    with pytest.raises(Several, match="a: no\n  b: no"):
        asyncio.run(together([refuse("a"), answer(1), refuse("b")]))


def test_a_bug_is_never_hidden_behind_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(together([refuse("a"), crash()]))


def test_what_is_no_client_s_is_called_at_no_gate() -> None:
    class Wire:
        __slots__ = ()

        def send(self) -> str:
            return "sent"

    assert asyncio.run(call("here", Wire().send)) == "sent"


def test_nothing_is_listed_past_the_gate() -> None:
    """Botocore's own paginators call again and again without a turn; `pages` makes each page a call of its own."""
    # What a runbook has people type is run by nobody here.
    others = {"local", "runbook"}
    ours = [path for path in Path(builder.__file__).parent.rglob("*.py") if others.isdisjoint(path.parts)]
    assert [path.name for path in ours if "get_paginator" in path.read_text()] == []
