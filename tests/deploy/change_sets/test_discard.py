from builder.deploy import discard_plan
from deploy.rig import Rig, edited


def test_discarding_deletes_change_sets_and_the_stacks_that_only_held_them(rig: Rig) -> None:
    plan = rig.plan()
    rig.run(lambda: discard_plan(plan, rig.clients))
    rig.world.settle()
    assert not any(rig.world.stack(stack.name, region=stack.region).exists for stack in rig.deployment.stacks)
    rig.run(lambda: discard_plan(plan, rig.clients))


def test_a_stack_that_somebody_else_reviews_too_stays(rig: Rig) -> None:
    first, second = rig.plan(), rig.plan()
    rig.run(lambda: discard_plan(first, rig.clients))
    assert set(rig.statuses().values()) == {"REVIEW_IN_PROGRESS"}
    rig.run(lambda: discard_plan(second, rig.clients))
    rig.world.settle()
    assert not rig.world.stack("tap-dev-table").exists


def test_discarding_an_update_leaves_the_stack_alone(deployed: Rig) -> None:
    plan = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))
    deployed.run(lambda: discard_plan(plan, deployed.clients))
    assert set(deployed.statuses().values()) == {"CREATE_COMPLETE"}
    assert deployed.plan().steps == ()
