"""Two people at once: each stack is executed once in all, and whoever loses is told by what, or need not care."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Outcome, Overtaken, Plan, Seal, execute_plan, exit_code, make_plan
from builder.deploy.change_set import change_set_name
from builder.errors import BuilderError, ExitCode
from deploy.rig import ACCOUNT, edited
from fake_aws import World, run_virtual
from proof.command import FIRST, SECOND, assert_done, deploy, destroy, fill, ignore, make_world, run
from proof.picture import Picture, take_picture, tell_history

Work = Coroutine[Any, Any, tuple[Outcome, ...]]
SEEDS = range(20)
THIRD = edited(SECOND, "us-east-1/service", "Timeout: 10", "Timeout: 20")
EXECUTIONS: dict[str, tuple[tuple[Deployment, ...], Deployment, Deployment]] = {
    "first deployments, the same": ((), FIRST, FIRST),
    "first deployments, not the same": ((), FIRST, SECOND),
    "updates, the same": ((FIRST,), SECOND, SECOND),
    "updates, not the same": ((FIRST,), SECOND, THIRD),
}
"""What stands, and what each of the two wants."""


@dataclass(frozen=True, slots=True)
class End:
    """How one of the two ended."""

    code: ExitCode
    told: str


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", EXECUTIONS)
def test_of_two_executions_of_plans_of_one_moment_each_stack_sees_one(case: str, seed: int) -> None:
    expected = expected_of(case)
    standing, *wanted = EXECUTIONS[case]
    world = make_shaky_world(seed)
    clients = [Clients(world.session(ACCOUNT)) for _ in wanted]
    for deployment in standing:
        assert_done(run(clients[0], partial(deploy, deployment)))
    before = executions(world)
    plans = run_virtual(lambda: make_plans(wanted, clients))
    allowed = (names_in(plans[1]), names_in(plans[0])) if wanted[0] != wanted[1] else ((), ())
    ends = meet(
        seed,
        *(execute_plan(plan, mine, ignore, allow=allow) for plan, mine, allow in zip(plans, clients, allowed, strict=True)),
    )
    winner = [end.code for end in ends].index(ExitCode.DONE)
    if wanted[0] == wanted[1]:
        assert [end.code for end in ends] == [ExitCode.DONE, ExitCode.DONE]
    else:
        assert ends[1 - winner].code is ExitCode.STOPPED
        assert any(step.change_set in ends[1 - winner].told for step in plans[winner].steps)
    assert take_picture(world) == expected[winner]
    assert executions(world) - before == Counter(f"{step.region}/{step.name}" for step in plans[winner].steps)


def executions(world: World) -> Counter[str]:
    """How often a change set was executed on each stack."""
    executed = {"CREATE_STACK", "UPDATE_STACK"}
    return Counter(stack for stack, done in tell_history(world).items() for kind in done if kind in executed)


async def make_plans(wanted: list[Deployment], clients: list[Clients]) -> list[Plan]:
    return await asyncio.gather(
        *(
            make_plan(deployment, mine, Seal(id=f"plan-{place}", at="2026-01-01T00:00:00+00:00"), ignore)
            for place, (deployment, mine) in enumerate(zip(wanted, clients, strict=True))
        )
    )


def names_in(plan: Plan) -> tuple[str, ...]:
    """What `--allow` takes for the loss of what another plan has up for review."""
    return tuple(f"{step.stack}/{change_set_name(plan.deployment, plan.id, step.part)}" for step in plan.steps)


def meet(seed: int, *works: Work) -> list[End]:
    """Start all of it within half a second and return how each ended."""
    random = Random(seed)

    async def all_of_it() -> list[End]:
        return await asyncio.gather(*(_end(work, random.uniform(0, 0.5)) for work in works))

    return run_virtual(all_of_it, seed=seed)


async def _end(work: Work, after_s: float) -> End:
    await asyncio.sleep(after_s)
    try:
        ended = await work
    except BuilderError as error:
        return End(error.exit_code, str(error))
    return End(exit_code(ended), " ".join(one.by for one in ended if isinstance(one, Overtaken)))


def make_shaky_world(seed: int) -> World:
    world = make_world(seed=seed, latency_s=0.4)
    world.jitter = 0.9
    return world


@cache
def expected_of(case: str) -> tuple[Picture, ...]:
    """What stands after each of the two, had it been alone."""
    standing, *wanted = EXECUTIONS[case]
    return tuple(_alone((*standing, deployment)) for deployment in wanted)


def _alone(deployments: tuple[Deployment, ...]) -> Picture:
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    for deployment in deployments:
        assert_done(run(clients, partial(deploy, deployment)))
    return take_picture(world)
