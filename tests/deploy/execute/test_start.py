import pytest

from builder.deploy.execute.execute import execute_change_set, execution_token
from builder.errors import AwsError, Stopped
from builder.terms import StackId
from deploy.rig import Rig, edited
from fake_aws import Fault

SERVICE = StackId("us-east-1/service")


def test_each_change_set_of_a_stack_has_a_token_of_its_own(rig: Rig) -> None:
    plan = rig.plan()
    tokens = {execution_token(plan, step.stack, part) for step in plan.steps for part in (1, 2)}
    assert len(tokens) == 2 * len(plan.steps)


def test_it_returns_its_own_change_set_also_after_a_lost_answer(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.faults.add(Fault.LOSE_ANSWER, operation="ExecuteChangeSet", nth=1)
    step = plan.steps[0]
    assert rig.run(lambda: execute_change_set(plan, step, rig.clients)) == step.change_set


def test_it_returns_another_s_that_is_the_same_and_was_faster(rig: Rig) -> None:
    ours, theirs = rig.plan(), rig.plan()
    other = theirs.steps[0]
    rig.clients.cloudformation(other.region).execute_change_set(ChangeSetName=other.change_set)
    assert rig.run(lambda: execute_change_set(ours, ours.steps[0], rig.clients)) == other.change_set


def test_another_change_that_was_faster_is_named(deployed: Rig) -> None:
    ours = deployed.plan(edited(deployed.deployment, SERVICE, "MemorySize: 256", "MemorySize: 512"))
    theirs = deployed.plan(edited(deployed.deployment, SERVICE, "MemorySize: 256", "MemorySize: 128"))
    winner = theirs.steps[0]
    deployed.clients.cloudformation(winner.region).execute_change_set(ChangeSetName=winner.change_set)
    with pytest.raises(Stopped, match=winner.change_set):
        deployed.run(lambda: execute_change_set(ours, ours.steps[0], deployed.clients))


def test_another_refusal_is_told_as_it_is(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.faults.add(Fault.DENIED, operation="ExecuteChangeSet")
    with pytest.raises(AwsError, match="not allowed to call ExecuteChangeSet"):
        rig.run(lambda: execute_change_set(plan, plan.steps[0], rig.clients))
