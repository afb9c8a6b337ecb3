from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from builder.deploy import Deployment, Done, discard_plan
from builder.deploy.change_sets.steps import steps_executed_by_same_plan
from builder.deploy.observe.stacks import ObservedStack, observe_stack
from builder.deploy.records import Deletion, Plan
from builder.deploy.step_order import make_stack_steps
from builder.errors import Stopped
from builder.terms import Arn, StackId
from deploy.chained import make_deployment, make_stack
from deploy.nesting import PARENT, TOPIC, nest, parent, put
from deploy.rig import Rig, edited
from fake_aws import Fault

TABLE = StackId("us-east-1/table")


def executed_by_same_plan(rig: Rig, plan: Plan, **fields: object) -> int:
    async def count() -> int:
        stack = await observe_stack(rig.clients, rig.stack(TABLE).site, rig.stack(TABLE).name)
        assert isinstance(stack, ObservedStack)
        chain = make_stack_steps(plan)[TABLE]
        return await steps_executed_by_same_plan(rig.clients, plan, chain, replace(stack, **fields))  # type: ignore[arg-type]

    return rig.run(count)


def test_the_same_change_set_of_another_plan_is_as_good(rig: Rig) -> None:
    ours, theirs = rig.plan(), rig.plan()
    rig.execute(theirs)
    assert executed_by_same_plan(rig, ours) == 1


@pytest.mark.slow
def test_another_template_or_other_parameters_are_not(rig: Rig) -> None:
    ours = rig.plan(edited(rig.deployment, TABLE, "NEW_AND_OLD_IMAGES", "NEW_IMAGE"))
    steps = tuple(replace(step, parameters={"EnvironmentSuffix": "other"}) for step in rig.plan().steps)
    others = replace(rig.plan(), steps=steps)
    rig.execute(rig.plan(), allow=[f"{stack.id}/tap-dev-plan-1" for stack in rig.deployment.stacks])
    assert executed_by_same_plan(rig, ours) == 0
    assert executed_by_same_plan(rig, others) == 0


def test_what_is_in_review_or_gone_was_not_executed(rig: Rig) -> None:
    ours = rig.plan()
    rig.plan()
    assert executed_by_same_plan(rig, ours) == 0
    rig.execute(ours)
    assert executed_by_same_plan(rig, ours, change_set=None) == 0
    gone = Arn("arn:aws:cloudformation:us-east-1:111122223333:changeSet/gone/1")
    assert executed_by_same_plan(rig, ours, change_set=gone) == 0


# What a plan looked at, that no template and no parameter tells.
NESTED_TOPIC, TWO_TOPICS = {"A": TOPIC["Topic"]}, {"A": TOPIC["Topic"], "B": TOPIC["Topic"]}
READS = "Parameters: {V: {Type: 'AWS::SSM::Parameter::Value<String>'}}\nResources:\n  T: {Type: AWS::SNS::Topic, "
FROM_SSM = make_deployment(
    make_stack(PARENT, READS + "Properties: {DisplayName: !Ref V}}\n", parameters={"V": "/value"})
)


def nesting(rig: Rig, resources: dict[str, Any]) -> Deployment:
    return parent({"Child": nest(put(rig, "child.yaml", resources))})


def unseen(rig: Rig, kind: str) -> Iterator[Deployment]:
    """The same deployment thrice, each time with something else behind it."""
    rig.world.by_hand("AWS::SSM::Parameter", {"Name": "/value", "Type": "String", "Value": "none"})
    for value, resources in (("one", TOPIC), ("two", NESTED_TOPIC), ("three", TWO_TOPICS)):
        rig.world.ssm_values["111122223333", "us-east-1", "/value"] = value
        yield nesting(rig, resources) if kind == "nested" else FROM_SSM


@pytest.mark.parametrize("kind", ["nested", "ssm"])
def test_what_ran_before_the_plan_is_not_what_it_plans(rig: Rig, kind: str) -> None:
    deployments = unseen(rig, kind)
    rig.deploy(next(deployments))
    plan = rig.plan(next(deployments))
    rig.run(lambda: discard_plan(plan, rig.clients))
    with pytest.raises(Stopped, match="its change set is gone"):
        rig.execute(plan)


@pytest.mark.parametrize("kind", ["nested", "ssm"])
def test_what_looked_at_something_else_is_not_the_same_whatever_its_words(rig: Rig, kind: str) -> None:
    deployments = unseen(rig, kind)
    rig.deploy(next(deployments))
    first, second = (rig.plan(deployment) for deployment in deployments)
    assert [type(outcome) for outcome in rig.execute(first)] == [Done]
    with pytest.raises(Stopped, match="its change set is gone"):
        rig.execute(second)


def test_a_listing_that_lags_behind_the_plan_hides_no_work(rig: Rig) -> None:
    rig.world.faults.add(Fault.STALE, operation="ListChangeSets", probability=0)  # the world keeps its past
    rig.world.faults.max_age_s = 60
    rig.deploy(nesting(rig, TOPIC))
    plan = rig.plan(nesting(rig, TWO_TOPICS))
    stale = rig.world.faults.add(Fault.STALE, operation="ListChangeSets", nth=1)
    assert [outcome.status for outcome in rig.execute(plan) if isinstance(outcome, Done)] == ["UPDATE_COMPLETE"]
    assert stale.struck == 1


def test_a_deletion_is_never_executed_by_the_same_plan(rig: Rig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    step = next(step for step in plan.steps if step.stack == TABLE)
    gone = Deletion(stack=TABLE, region=step.region, name=step.name, stack_arn=step.stack_arn, because="")
    assert executed_by_same_plan(rig, replace(plan, steps=(), deletions=(gone,))) == 0
