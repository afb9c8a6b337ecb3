"""Two at once: work that starts at about the same moment in one world, whose messages take their time."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from builder.deploy import Outcome, Superseded, exit_code
from builder.errors import BuilderError, ExitCode
from fake_aws import World, run_virtual
from proof.command import make_world

Work = Coroutine[Any, Any, tuple[Outcome, ...]]


@dataclass(frozen=True, slots=True)
class End:
    """How one of the two ended."""

    code: ExitCode
    message: str
    """What it says of having lost."""


def make_shaky_world(seed: int) -> World:
    """A world in which it is left to the seed whose message comes first."""
    world = make_world(seed=seed, latency_s=0.4)
    world.jitter = 0.9
    return world


def meet(seed: int, *works: Work, within_s: float) -> list[End]:
    """Start all of it within so many seconds and return how each ended."""
    random = Random(seed)  # noqa: S311  a meeting is the same each time

    async def all_of_it() -> list[End]:
        return await asyncio.gather(*(_end(work, random.uniform(0, within_s)) for work in works))

    return run_virtual(all_of_it, seed=seed)


async def _end(work: Work, after_s: float) -> End:
    await asyncio.sleep(after_s)
    try:
        ended = await work
    except BuilderError as error:
        return End(error.exit_code, str(error))
    return End(exit_code(ended), " ".join(outcome.by for outcome in ended if isinstance(outcome, Superseded)))
