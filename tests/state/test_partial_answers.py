import asyncio

from builder.errors import Failed
from builder.state.observe import PartialAnswers


async def _answers(word: str) -> str:
    return word


async def _is_refused() -> str:
    raise Failed(where="us-east-1", what="not allowed")


async def _hangs() -> str:
    await asyncio.sleep(60)
    return ""


def test_what_answers_is_taken_and_the_rest_is_a_line_each() -> None:
    async def ask() -> tuple[tuple[str, ...], list[str], list[str]]:
        part = PartialAnswers(within_s=0.05)
        works = (("one", _answers("a")), ("two", _is_refused()), ("three", _hangs()), ("four", _answers("b")))
        return await part.each(works), part.silent, part.refused

    taken, silent, refused = asyncio.run(ask())
    assert taken == ("a", "b")
    assert silent == ["three: no answer within 0.05 s"]
    assert refused == ["us-east-1: not allowed"]


def test_without_a_limit_there_is_time() -> None:
    async def ask() -> str | None:
        return await PartialAnswers().ask("here", asyncio.sleep(0.1, "late"))

    assert asyncio.run(ask()) == "late"
