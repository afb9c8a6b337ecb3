"""Reads after writes of our own: what a wait has seen is known, and a read that contradicts it is asked again."""

import asyncio
from dataclasses import replace

import pytest

from builder.aws import StackSighting
from builder.deploy import discard_plan, find_deployment, find_remaining, make_plan, observe_outputs
from builder.deploy.observe.stacks import (
    LAG_S,
    READ_AGAIN_S,
    ObservedStack,
    contradicts,
    observe_resources,
    observe_stack,
    once_there,
)
from builder.deploy.plan.plan import PlanId
from builder.errors import AwsError, Failed
from builder.terms import Arn, Region, Site, StackName
from deploy.rig import Rig
from fake_aws import Fault, World, run_virtual
from proof.test_stress import wide

SITE = Site(None, Region("us-east-1"))
OLD, NEW = (
    Arn("arn:aws:cloudformation:us-east-1:1:stack/one/old"),
    Arn("arn:aws:cloudformation:us-east-1:1:stack/one/new"),
)
EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"
SEEN = ObservedStack(
    site=SITE,
    name=StackName("one"),
    arn=NEW,
    status="UPDATE_COMPLETE",
    status_reason="",
    change_set=None,
    created=EARLY,
    last_change=LATE,
    parameters={},
    tags={},
    outputs={},
    capabilities=(),
    termination_protection=True,
)
KNOWN = StackSighting(NEW, "UPDATE_COMPLETE", LATE, protected=True)
CREATED = StackSighting(NEW, "REVIEW_IN_PROGRESS", "")
DELETED = StackSighting(NEW, "DELETE_COMPLETE", LATE)
CASES: dict[str, tuple[StackSighting, ObservedStack | None, bool]] = {
    "the same": (KNOWN, SEEN, False),
    "not there": (KNOWN, None, True),
    "before the update": (KNOWN, replace(SEEN, status="CREATE_COMPLETE", last_change=EARLY), True),
    "in the middle of the update": (KNOWN, replace(SEEN, status="UPDATE_IN_PROGRESS"), True),
    "cleaning up after the update": (KNOWN, replace(SEEN, status="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), True),
    "before its protection": (KNOWN, replace(SEEN, termination_protection=False), True),
    "an earlier stack of the name": (KNOWN, replace(SEEN, arn=OLD, last_change=EARLY), True),
    "somebody's later update": (KNOWN, replace(SEEN, status="UPDATE_IN_PROGRESS", last_change=LATE + "1"), False),
    "somebody's deletion": (KNOWN, replace(SEEN, status="DELETE_IN_PROGRESS"), False),
    "somebody's deletion, done": (KNOWN, replace(SEEN, status="DELETE_COMPLETE"), False),
    "somebody's later stack of the name": (KNOWN, replace(SEEN, arn=OLD, last_change=LATE + "1"), False),
    "created, and there": (CREATED, replace(SEEN, status="REVIEW_IN_PROGRESS"), False),
    "created, and not there": (CREATED, None, True),
    "created, and executed": (CREATED, SEEN, False),
    "deleted, and gone": (DELETED, None, False),
    "deleted, and shown as that": (DELETED, replace(SEEN, status="DELETE_COMPLETE"), False),
    "deleted, and there": (DELETED, SEEN, True),
    "deleted, and made anew": (DELETED, replace(SEEN, arn=OLD), False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_contradicts_what_was_seen(case: str) -> None:
    known, read, expected = CASES[case]
    assert contradicts(known, read) is expected


def lagging(seed: int) -> Rig:
    """A rig on an AWS whose every read may be three seconds old."""
    rig = Rig(World(seed=seed, page_size=2))
    rig.world.faults.max_age_s = 3.0
    rig.world.faults.add(Fault.STALE)
    return rig


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(4))
def test_the_outputs_of_what_was_just_deployed_are_there(seed: int) -> None:
    rig = lagging(seed)
    rig.deploy()
    outputs = rig.run(lambda: observe_outputs(rig.deployment, rig.clients))
    assert list(outputs) == list(rig.deployment.outputs)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_that_is_thrown_away_at_once_leaves_no_stack_behind(seed: int) -> None:
    rig = lagging(seed)
    plan = rig.plan()
    rig.run(lambda: discard_plan(plan, rig.clients))
    rig.world.settle()
    assert not any(rig.world.stack(stack.name, region=stack.region).exists for stack in rig.deployment.stacks)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(4))
def test_what_was_just_deleted_is_not_left(seed: int) -> None:
    rig = lagging(seed)
    rig.deploy()
    before = rig.run(lambda: find_deployment(rig.deployment.name, rig.deployment.sites, (), rig.clients))
    rig.destroy()
    assert rig.run(lambda: find_remaining(before, rig.deployment.name, rig.clients)).stacks == ()


def test_what_somebody_else_deletes_is_told_once_it_can_be_no_lag(rig: Rig) -> None:
    rig.deploy()  # by this process: it knows that the stack was there
    rig.clients.cloudformation(Region("us-west-2")).delete_stack(StackName="tap-dev-service")
    rig.world.settle()
    began = rig.world.now
    with pytest.raises(Failed, match="not deployed"):
        rig.run(lambda: observe_outputs(rig.deployment, rig.clients))
    assert LAG_S <= rig.world.now - began <= LAG_S + 3
    began = rig.world.now
    with pytest.raises(Failed, match="not deployed"):
        rig.run(lambda: observe_outputs(rig.deployment, rig.clients))
    assert rig.world.now - began < 1


@pytest.mark.parametrize("code", ["ChangeSetNotFound", "ValidationError"])
def test_what_is_known_to_be_there_is_asked_for_again_where_a_read_does_not_know_it_yet(code: str) -> None:
    times = list[float]()

    async def read() -> str:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 4:
            raise AwsError(where="here", code=code, what="Stack with id one does not exist")
        return "there"

    World()
    assert run_virtual(lambda: once_there(read)) == "there"
    assert times == [0, READ_AGAIN_S, 2 * READ_AGAIN_S, 3 * READ_AGAIN_S]


def test_another_refusal_is_told_at_once() -> None:
    async def read() -> str:
        raise AwsError(where="here", code="ValidationError", what="the name is too long")

    with pytest.raises(AwsError, match="too long"):
        run_virtual(lambda: once_there(read))


def test_what_is_not_there_at_all_ends_in_aws_s_own_words(deployed: Rig) -> None:
    stack = deployed.run(lambda: observe_stack(deployed.clients, SITE, "tap-dev-table"))
    assert stack is not None
    began = deployed.world.now
    with pytest.raises(AwsError, match="does not exist"):
        deployed.run(lambda: observe_resources(deployed.clients, replace(stack, arn=Arn(stack.arn[:-4] + "beef"))))
    assert LAG_S <= deployed.world.now - began <= LAG_S + 3


def test_on_an_aws_that_ends_at_once_a_first_deployment_takes_at_most_four_seconds_and_few_looks() -> None:
    rig = Rig(World(page_size=100, latency_s=0.005))
    rig.world.script.takes(0)
    rig.world.script.takes(0, action="STACK")
    rig.world.script.takes(0, action="CREATE_CHANGE_SET")
    rig.deploy()
    assert rig.world.now <= 4
    # None of them in vain: what is planned, executed and watched ends at the first look.
    assert rig.operations("DescribeChangeSet") <= 15
    assert rig.operations("DescribeStacks") <= 8


@pytest.mark.slow
def test_destroy_asks_each_region_once_and_again_only_where_something_stood(deployed: Rig) -> None:
    other_regions = tuple(Site(None, region) for region in deployed.clients.regions())
    deployed.world.calls.clear()
    deployed.world.page_size = 100
    before = deployed.run(
        lambda: find_deployment("tap-dev", deployed.deployment.sites, other_regions, deployed.clients)
    )
    assert len([call for call in deployed.world.calls if call.operation == "DescribeStacks"]) == len(other_regions)
    deployed.destroy()
    deployed.world.calls.clear()
    after = deployed.run(lambda: find_remaining(before, "tap-dev", deployed.clients))
    assert after.stacks == ()
    assert sorted((call.operation, call.region) for call in deployed.world.calls) == [
        ("DescribeStacks", "us-east-1"),
        ("DescribeStacks", "us-west-2"),
    ]


@pytest.mark.slow
def test_a_first_plan_asks_the_rate_that_aws_answers_and_fails_no_stack() -> None:
    world = World(page_size=20)
    world.faults.rate_limit(per_second=5)
    rig = Rig(world, wide(60))
    plan_id = PlanId(id="plan", at="2026-01-01T00:00:00+00:00")
    plan = rig.watched(lambda emit: make_plan(rig.deployment, rig.clients, plan_id, emit))
    assert len(plan.steps) == 60
    assert world.now <= 1.25 * (30 * 3 / 5)
