"""Uploads of a plan and an execution, killed or unanswered at any call: the same again ends the same."""

from itertools import count
from pathlib import Path

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Done, PlanId, TrustedInput, execute_plan, make_plan
from deploy.packaged import NESTING, WORKER, packaged, sources
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual
from samples import is_thorough

STEP = 4
"""Of the calls, every day."""


def contents(world: World) -> dict[str, list[tuple[str, bytes]]]:
    """What is in each bucket, and whether it is there once."""
    return {
        name: sorted((version.key, version.content) for version in bucket.versions)
        for name, bucket in world.buckets.items()
    }


def go(world: World, deployment: Deployment, number: int) -> bool:
    """Plan and execute; return whether all was done."""
    clients = Clients(world.session(ACCOUNT))
    plan_id = PlanId(id=f"plan-{number}", at="2026-01-01T00:00:00+00:00")
    plan = run_virtual(lambda: make_plan(deployment, clients, plan_id, lambda _: None))
    trusted = TrustedInput(deployment=deployment, options=plan.options)
    ended = run_virtual(lambda: execute_plan(plan, trusted, clients, lambda _: None))
    return all(isinstance(outcome, Done) for outcome in ended)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    sources(tmp_path)
    return packaged(tmp_path, {"app": WORKER, "nested": NESTING})


@pytest.mark.parametrize(
    ("fault", "mutating"),
    [(Fault.KILL_BEFORE, False), (Fault.KILL_AFTER, True), (Fault.LOSE_ANSWER, True), (Fault.READ_TIMEOUT, True)],
    ids=lambda value: getattr(value, "value", ""),
)
def test_the_same_again_uploads_the_rest_and_nothing_twice(
    deployment: Deployment,
    fault: Fault,
    mutating: bool,  # noqa: FBT001 - of a table
) -> None:
    undisturbed = World()
    assert go(undisturbed, deployment, 0)
    expected = contents(undisturbed)
    assert [len(versions) for versions in expected.values()] == [2]
    for k in count(1, 1 if is_thorough() else STEP):
        world = World()
        rule = world.faults.add(fault, nth=k, mutating=mutating)
        try:
            done = go(world, deployment, 1)
        except Killed:
            world.faults.revive()
            done = False
        world.faults.remove(rule)
        assert done or go(world, deployment, 2), f"at call {k}"
        assert contents(world) == expected, f"at call {k}"
        if not rule.struck:
            break
    assert k > (8 if mutating else 24)
