"""A look at many things at once: what does not answer is a line, and hides nothing else."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from builder.errors import AwsError, BuilderError

T = TypeVar("T")
# What a look needs to come back with the rest of what it knows.
_MARGIN_S = 0.3


@dataclass(slots=True)
class Part:
    """What was asked for, in part or whole: a line for each thing that did not answer, or was refused."""

    within_s: float | None = None
    """How long all of it may take, from now on; for ever where that is None."""
    silent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _deadline: float | None = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = None if self.within_s is None else asyncio.get_running_loop().time() + self.within_s

    @property
    def until(self) -> float | None:
        """When, by the loop's clock, a look has to do without what it looks for on the side."""
        return None if self._deadline is None else self._deadline - _MARGIN_S

    async def ask(self, where: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what the work returns, or None, having noted why."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await work
        except TimeoutError:
            self.silent.append(f"{where}: no answer within {self.within_s} s")
        except BuilderError as error:
            answered = error.answered if isinstance(error, AwsError) else True
            (self.refused if answered else self.silent).append(str(error))
        return None

    async def each(self, works: Iterable[tuple[str, Coroutine[Any, Any, T]]]) -> tuple[T, ...]:
        """Return what answered of several, each given with where it is."""
        answers = await asyncio.gather(*(self.ask(where, work) for where, work in works))
        return tuple(answer for answer in answers if answer is not None)
