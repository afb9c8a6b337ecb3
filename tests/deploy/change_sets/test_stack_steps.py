from dataclasses import replace

import pytest

from builder.deploy.change_sets.steps import after_review, steps_executed
from builder.deploy.observe.stacks import ObservedStack, observe_stack
from builder.deploy.progress import Done, ReviewRequired
from builder.deploy.records import Deferred, Deletion, Plan, Step
from builder.deploy.step_order import make_stack_steps
from builder.terms import Arn, StackId
from deploy.rig import Rig, changed

TABLE = StackId("us-east-1/table")


def deferred(rig: Rig, part: int) -> Deferred:
    return Deferred(desired=rig.stack(TABLE), type="UPDATE", because="later", part=part)


def deletion(step: Step) -> Deletion:
    return Deletion(stack=step.stack, region=step.region, name=step.name, stack_arn=step.stack_arn, because="failed")


@pytest.fixture
def plan(rig: Rig) -> Plan:
    """A plan in which the table has two more change sets to come."""
    return replace(rig.plan(), deferred=(deferred(rig, 3), deferred(rig, 2)))


def observed(rig: Rig, change_set: str | None, status: str = "CREATE_COMPLETE") -> ObservedStack:
    stack = rig.run(lambda: observe_stack(rig.clients, rig.stack(TABLE).site, rig.stack(TABLE).name))
    assert stack is not None
    return replace(stack, change_set=Arn(change_set) if change_set else None, status=status)


def test_a_stack_s_steps_are_in_order_and_a_deletion_comes_first(plan: Plan) -> None:
    step = next(step for step in plan.steps if step.stack == TABLE)
    steps = make_stack_steps(replace(plan, deletions=(deletion(step),)))[TABLE]
    assert [type(step) for step in steps] == [Deletion, Step, Deferred, Deferred]
    assert [step.part for step in steps if isinstance(step, Step | Deferred)] == [1, 2, 3]


def test_the_stacks_keep_the_plan_s_order(plan: Plan) -> None:
    assert list(make_stack_steps(plan)) == [step.stack for step in plan.steps]


@pytest.mark.parametrize(("part", "executed"), [("", 1), ("-2", 2), ("-3", 3), ("-4", 0), ("x", 0)])
def test_the_last_change_set_tells_how_many_steps_are_done(rig: Rig, plan: Plan, part: str, executed: int) -> None:
    steps = make_stack_steps(plan)[TABLE]
    first = steps[0]
    assert isinstance(first, Step)
    arn = first.change_set if not part else f"arn:aws:cloudformation:r:1:changeSet/tap-dev-plan-1{part}/uuid"
    assert steps_executed(plan, steps, observed(rig, arn)) == executed


def test_in_review_nothing_is_executed_whatever_change_set_is_shown(rig: Rig, plan: Plan) -> None:
    steps = make_stack_steps(plan)[TABLE]
    assert isinstance(steps[0], Step)
    assert steps_executed(plan, steps, observed(rig, steps[0].change_set, "REVIEW_IN_PROGRESS")) == 0
    assert steps_executed(plan, steps, observed(rig, None)) == 0


def test_a_deletion_is_never_told_by_a_change_set(rig: Rig, plan: Plan) -> None:
    step = plan.steps[0]
    assert steps_executed(plan, (deletion(step),), observed(rig, step.change_set)) == 0


def test_what_was_left_for_review_becomes_a_step(plan: Plan) -> None:
    step = next(step for step in plan.steps if step.stack == TABLE)
    made = replace(step, part=2)
    after = after_review(
        plan, [Done(StackId("us-west-2/storage"), "CREATE_COMPLETE"), ReviewRequired(TABLE, made, ("x",))]
    )
    assert after.steps == (*plan.steps, made)
    assert [step.part for step in after.deferred] == [3]
    assert [step.part for step in make_stack_steps(after)[TABLE] if isinstance(step, Step | Deferred)] == [
        1,
        2,
        3,
    ]


@pytest.mark.slow
def test_termination_protection_of_a_deferred_stack_is_set_as_well(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="no")
    rig.deploy()
    rig.deploy(changed(rig.deployment, TABLE, termination_protection=True))
    assert rig.world.stack("tap-dev-table").record.termination_protection
