"""A look at many things at once: what does not answer is a line, and hides nothing else."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from builder.errors import BuilderError

T = TypeVar("T")


@dataclass(slots=True)
class Part:
    """What was asked for, in part or whole: `silent` has a line for each thing that did not answer."""

    within_s: float | None = None
    """How long all of it may take, from now on; for ever where that is None."""
    silent: list[str] = field(default_factory=list)
    _deadline: float | None = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = None if self.within_s is None else asyncio.get_running_loop().time() + self.within_s

    async def ask(self, where: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what the work returns, or None, having noted why."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await work
        except TimeoutError:
            self.silent.append(f"{where}: no answer within {self.within_s} s")
        except BuilderError as error:
            self.silent.append(str(error))
        return None

    async def each(self, where: str, works: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
        """Return what answered of several."""
        answers = await asyncio.gather(*(self.ask(where, work) for work in works))
        return tuple(answer for answer in answers if answer is not None)
