"""Two plans of one moment, executed at once: each stack is executed once in all, and the loser is told by what."""

import asyncio
from collections import Counter
from functools import cache, partial

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Plan, PlanId, TrustedInput, execute_plan, make_plan
from builder.deploy.change_sets.change_set import change_set_name
from builder.errors import ExitCode
from deploy.rig import ACCOUNT, edited
from fake_aws import World, run_virtual
from proof.command import FIRST, SECOND, assert_done, deploy, ignore, make_world, run
from proof.meeting import make_shaky_world, meet
from proof.picture import Picture, take_picture, tell_history
from samples import sampled

THIRD = edited(SECOND, "us-east-1/service", "Timeout: 10", "Timeout: 20")
CASES: dict[str, tuple[tuple[Deployment, ...], Deployment, Deployment]] = {
    "first, the same": ((), FIRST, FIRST),
    "first, not the same": ((), FIRST, SECOND),
    "update, the same": ((FIRST,), SECOND, SECOND),
    "update, not the same": ((FIRST,), SECOND, THIRD),
}
"""What stands, and what each of the two wants."""
MEETINGS = [
    *((case, seed) for case in CASES if case.startswith("first") for seed in range(20)),
    *((case, seed) for case in CASES if case.startswith("update") for seed in range(8)),
]


@pytest.mark.parametrize(("case", "seed"), sampled(MEETINGS, every=12))
def test_each_stack_is_executed_once_and_the_loser_need_not_care_or_is_told(case: str, seed: int) -> None:
    expected = expected_of(case)
    deployed, *deployments = CASES[case]
    world = make_shaky_world(seed)
    clients = [Clients(world.session(ACCOUNT)) for _ in deployments]
    for deployment in deployed:
        assert_done(run(clients[0], partial(deploy, deployment)))
    before = executions(world)
    plans = run_virtual(lambda: make_plans(deployments, clients))
    same = deployments[0] == deployments[1]
    allowed = ((), ()) if same else (names_in(plans[1]), names_in(plans[0]))
    works = (
        execute_plan(plan, TrustedInput(deployment=deployment), mine, ignore, allow=allow)
        for plan, deployment, mine, allow in zip(plans, deployments, clients, allowed, strict=True)
    )
    ends = meet(seed, *works, within_s=0.5)
    winner = [end.code for end in ends].index(ExitCode.DONE)
    loser = ends[1 - winner]
    assert loser.code is (ExitCode.DONE if same else ExitCode.STOPPED)
    assert same or any(step.change_set in loser.message for step in plans[winner].steps)
    assert take_picture(world) == expected[winner]
    assert executions(world) - before == Counter(f"{step.region}/{step.name}" for step in plans[winner].steps)


async def make_plans(deployments: list[Deployment], clients: list[Clients]) -> list[Plan]:
    return await asyncio.gather(
        *(
            make_plan(deployment, mine, PlanId(id=f"plan-{place}", at="2026-01-01T00:00:00+00:00"), ignore)
            for place, (deployment, mine) in enumerate(zip(deployments, clients, strict=True))
        )
    )


def names_in(plan: Plan) -> tuple[str, ...]:
    """What `--allow` takes for the loss of what another plan has up for review."""
    return tuple(f"{step.stack}/{change_set_name(plan.deployment, plan.id, step.part)}" for step in plan.steps)


def executions(world: World) -> Counter[str]:
    """How often a change set was executed on each stack."""
    executed = {"CREATE_STACK", "UPDATE_STACK"}
    return Counter(stack for stack, done in tell_history(world).items() for kind in done if kind in executed)


@cache
def expected_of(case: str) -> tuple[Picture, ...]:
    """What stands after each of the two, had it been alone."""
    deployed, *deployments = CASES[case]
    return tuple(_alone((*deployed, deployment)) for deployment in deployments)


def _alone(deployments: tuple[Deployment, ...]) -> Picture:
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    for deployment in deployments:
        assert_done(run(clients, partial(deploy, deployment)))
    return take_picture(world)
