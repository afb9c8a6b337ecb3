"""A very bad day: throttled, refused, unanswered and told of the past, a whole life of a system ends well all the same.

Each verb is a process of its own that remembers nothing of the last, and is typed as soon as that has ended.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import settings

from builder.aws import Clients
from builder.deploy import (
    Deployment,
    PlanId,
    Removal,
    TrustedInput,
    delete_deployment,
    execute_plan,
    find_deployed,
    find_deployment,
    find_remaining,
    make_plan,
    observe_outputs,
)
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT
from fake_aws import Fault, run_virtual
from proof.command import FIRST, SECOND, assert_done, ignore, make_world
from samples import is_thorough

TEMPLATE = """\
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
Outputs:
  TopicName: {Value: !GetAtt Topic.TopicName}
"""
REGIONS = (Region("us-east-1"), Region("us-west-2"))
MAX_AGE_S = 3.0


def wide(stacks: int, word: str = "one") -> Deployment:
    """So many stacks in two regions, none of which needs another."""
    return make_deployment(
        *(
            make_stack(StackId(f"{REGIONS[number % 2]}/stack-{number}"), TEMPLATE.replace("one", word))
            for number in range(stacks)
        )
    )


@dataclass(frozen=True, slots=True)
class System:
    """What lives, first and changed, with what it may lose on its way."""

    first: Deployment
    second: Deployment


STACKS = 60 if is_thorough() else 20
SYSTEMS = {"shipped": System(FIRST, SECOND), "many stacks": System(wide(STACKS), wide(STACKS, "two"))}


class Life:
    """A system in a world of such a day."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed or 0
        self.world = make_world(seed=self.seed, page_size=2)
        self.took: dict[str, str] = {}
        if seed is not None:
            self.disturb()

    def disturb(self) -> None:
        """Let all of it go wrong from now on."""
        faults = self.world.faults
        faults.max_age_s = MAX_AGE_S
        faults.add(Fault.THROTTLE, probability=0.3)
        faults.add(Fault.SERVER_ERROR, probability=0.05)
        faults.add(Fault.LOSE_ANSWER, probability=0.03)
        faults.add(Fault.STALE, probability=0.3)

    def run(self, verb: str, work: Callable[[Clients], Coroutine[Any, Any, Any]]) -> Any:
        """Run a verb as a process of its own does; note what it took."""
        began, made = self.world.now, len(self.world.calls)
        clients = Clients(self.world.session(ACCOUNT))
        result = run_virtual(lambda: work(clients), seed=self.seed)
        calls = self.world.calls[made:]
        outcomes = Counter(call.outcome for call in calls)
        stale = sum("stale" in call.faults for call in calls)
        self.took[verb] = (
            f"{self.world.now - began:.0f} s, {len(calls)} calls, {outcomes['Throttling']} throttled, {stale} stale"
        )
        return result

    def deploy(self, verb: str, deployment: Deployment) -> None:
        """Plan, execute what was planned, and read the outputs, as `deploy` does."""
        plan_id = PlanId(id=f"{verb}-{self.seed}", at="2026-01-01T00:00:00+00:00")
        plan = self.run(f"{verb}: plan", lambda clients: make_plan(deployment, clients, plan_id, ignore))
        touched = {"us-east-1/service", "us-west-2/service"} if verb == "update" and deployment is SECOND else None
        assert {step.stack for step in plan.steps} == (touched or {stack.id for stack in deployment.stacks})

        async def execute(clients: Clients) -> None:
            assert_done(await execute_plan(plan, TrustedInput(deployment=deployment), clients, ignore))
            assert (await observe_outputs(deployment, clients)).keys() == deployment.outputs.keys()

        self.run(f"{verb}: execute", execute)

    def destroy(self, deployment: Deployment) -> None:
        """Find it all, delete it, and look for what is left, as `destroy` does."""

        async def delete_stack(clients: Clients) -> None:
            before = await find_deployment(deployment.name, deployment.sites, (), clients)
            assert len(before.stacks) == len(deployment.stacks)
            needs = {stack.id: stack.needs for stack in deployment.stacks}
            assert_done(await delete_deployment(Removal(stacks=before.stacks, needs=needs), clients, "destroy", ignore))
            assert (await find_remaining(before, deployment.name, clients)).stacks == ()

        self.run("destroy", delete_stack)
        assert self.run("standing", lambda clients: find_deployed(deployment.name, deployment.sites, clients)) == ()


@cache
def live(name: str, seed: int | None) -> Life:
    """Live a system's whole life; without a seed nothing goes wrong in it."""
    system = SYSTEMS[name]
    life = Life(seed)
    life.deploy("first", system.first)
    life.deploy("update", system.second)
    life.destroy(system.second)
    return life


def cases() -> list[tuple[str, int]]:
    """Ten seeds each where there is time for them, by --hypothesis-profile=thorough."""
    if settings.get_current_profile_name() == "thorough":
        return [(name, seed) for name in SYSTEMS for seed in range(10)]
    return [("many stacks", 0), ("shipped", 0), ("shipped", 1)]


@pytest.mark.parametrize(("name", "seed"), cases())
def test_a_life_of_very_bad_days_ends_well(
    name: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    good, bad = live(name, None), live(name, seed)
    ratio = bad.world.now / good.world.now
    record_property("ratio", ratio)
    print(f"{name}, seed {seed}: {ratio:.2f} of the time of a good day; {bad.took}")
    # A call in three refused at random looks like a rate of about three calls a second, and is heeded as one.
    assert ratio <= 40
