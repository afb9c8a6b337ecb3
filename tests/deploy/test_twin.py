from dataclasses import replace

from builder.deploy.chain import make_chains
from builder.deploy.observe import ObservedStack, observe_stack
from builder.deploy.records import Deletion, Plan
from builder.deploy.twin import links_executed_by_twin
from builder.terms import Arn, StackId
from deploy.rig import Rig, edited

TABLE = StackId("us-east-1/table")


def twin(rig: Rig, plan: Plan, **fields: object) -> int:
    async def look() -> int:
        stack = await observe_stack(rig.clients, rig.stack(TABLE).site, rig.stack(TABLE).name)
        assert isinstance(stack, ObservedStack)
        chain = make_chains(plan)[TABLE]
        return await links_executed_by_twin(rig.clients, plan, chain, replace(stack, **fields))  # type: ignore[arg-type]

    return rig.run(look)


def test_the_same_change_set_of_another_plan_is_as_good(rig: Rig) -> None:
    ours, theirs = rig.plan(), rig.plan()
    rig.execute(theirs)
    assert twin(rig, ours) == 1


def test_another_template_or_other_parameters_are_not(rig: Rig) -> None:
    ours = rig.plan(edited(rig.deployment, TABLE, "NEW_AND_OLD_IMAGES", "NEW_IMAGE"))
    steps = tuple(replace(step, parameters={"EnvironmentSuffix": "other"}) for step in rig.plan().steps)
    others = replace(rig.plan(), steps=steps)
    rig.execute(rig.plan(), allow=[f"{stack.id}/tap-dev-plan-1" for stack in rig.deployment.stacks])
    assert twin(rig, ours) == 0
    assert twin(rig, others) == 0


def test_what_is_in_review_or_gone_was_not_executed(rig: Rig) -> None:
    ours = rig.plan()
    rig.plan()
    assert twin(rig, ours) == 0
    rig.execute(ours)
    assert twin(rig, ours, change_set=None) == 0
    assert twin(rig, ours, change_set=Arn("arn:aws:cloudformation:us-east-1:111122223333:changeSet/gone/1")) == 0


def test_a_deletion_has_no_twin(rig: Rig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    step = next(step for step in plan.steps if step.stack == TABLE)
    gone = Deletion(stack=TABLE, region=step.region, name=step.name, stack_arn=step.stack_arn, because="")
    assert twin(rig, replace(plan, steps=(), deletions=(gone,))) == 0
