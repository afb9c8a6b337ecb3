"""A plan's file in the hands of somebody who writes into it what it pleases them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from builder.deploy import Plan, TrustedInput, check_claim, execute_plan
from builder.deploy.records import Deletion, PlanOptions, Protection
from builder.errors import BadInput
from builder.terms import AccountId, Arn, Region, StackId, StackName
from deploy.rig import ACCOUNT, Rig, changed

TABLE, SERVICE, OTHER = StackId("us-east-1/table"), StackId("us-east-1/service"), AccountId("999999999999")
FOREIGN = Arn(f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/payroll/1")


def step(plan: Plan, of: StackId = TABLE, /, **fields: object) -> Plan:
    """The plan with one step that says something else."""
    steps = tuple(replace(planned, **fields) if planned.stack == of else planned for planned in plan.steps)  # type: ignore[arg-type]
    return replace(plan, steps=steps)


def arn(plan: Plan, old: str, new: str) -> Plan:
    """The plan whose table has a change set of another ARN."""
    (change_set,) = (planned.change_set for planned in plan.steps if planned.stack == TABLE)
    assert old in change_set
    return step(plan, change_set=Arn(change_set.replace(old, new)))


def cut(plan: Plan) -> Plan:
    """The plan whose table has an ARN that ends before it names anything."""
    (change_set,) = (planned.change_set for planned in plan.steps if planned.stack == TABLE)
    return step(plan, change_set=Arn(change_set.partition(":changeSet")[0]))


def deletion(plan: Plan, stack: str, stack_arn: Arn, **fields: object) -> Plan:
    """The plan with one deletion more."""
    region, _, name = stack.partition("/")
    added = Deletion(
        stack=StackId(stack), region=Region(region), name=StackName(name), stack_arn=stack_arn, because="it is old"
    )
    return replace(plan, deletions=(replace(added, **fields),))  # type: ignore[arg-type]


TAMPERED: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "another deployment": (lambda p: replace(p, deployment="tap-staging"), "is tap-dev"),
    "another assembly": (lambda p: replace(p, assembly="0" * 64), "made from another assembly"),
    "another role": (
        lambda p: replace(p, options=PlanOptions(role_arn="arn:aws:iam::1:role/admin")),
        "role is arn:aws:iam",
    ),
    "failures left": (lambda p: replace(p, options=PlanOptions(unrolled=(TABLE,))), "leaves other failures"),
    "half a region": (lambda p: replace(p, left_out=(TABLE,)), "other stacks than those of whole regions"),
    "a stack of its own": (lambda p: step(p, stack=StackId("us-east-1/x")), "us-east-1/x is no stack of the assembly"),
    "another name": (lambda p: step(p, name=StackName("payroll")), "is not the stack payroll in us-east-1"),
    "another region": (lambda p: step(p, region=Region("us-west-2")), "not the stack tap-dev-table in us-west-2"),
    "another account": (lambda p: step(p, account=OTHER), "in us-east-1 of account 999999999999"),
    "a change set of another region": (lambda p: arn(p, "us-east-1", "eu-west-1"), "is not of us-east-1"),
    "a change set of another account": (lambda p: arn(p, ACCOUNT, OTHER), f"is not of us-east-1 and account {ACCOUNT}"),
    "a change set of another name": (lambda p: arn(p, "plan-1", "plan-0"), "is not changeSet/tap-dev-plan-1"),
    "a change set of no service": (lambda p: step(p, change_set=Arn("x")), "x is not of us-east-1"),
    "half an ARN": (cut, "is not changeSet/tap-dev-plan-1"),
    "a foreign stack": (lambda p: step(p, stack_arn=FOREIGN), "is not stack/tap-dev-table"),
    "a need left out": (lambda p: step(p, SERVICE, needs=()), "us-east-1/service needs us-east-1/table"),
    "a need of nothing": (lambda p: step(p, needs=(StackId("nowhere"),)), "needs nowhere, which is nowhere"),
    "a circle": (lambda p: step(p, needs=(SERVICE,)), "need each other in a circle"),
    "a need of itself": (lambda p: step(p, needs=(TABLE,)), "need each other in a circle"),
    "a need of a deletion that waits for it": (
        lambda p: step(deletion(p, "us-east-1/payroll", FOREIGN), SERVICE, needs=(TABLE, StackId("us-east-1/payroll"))),
        "need each other in a circle",
    ),
    "a step twice": (lambda p: replace(p, steps=(*p.steps, p.steps[0])), "has change sets twice"),
    "a part of its own": (lambda p: step(p, part=10**30), "or lacks one: 100000000"),
    "protection lifted": (
        lambda p: replace(
            p,
            protections=(
                Protection(stack=TABLE, region=Region("us-east-1"), name=StackName("tap-dev-table"), protect=False),
            ),
        ),
        "its termination protection is not what the assembly says",
    ),
    "a deletion under another name": (lambda p: deletion(p, "us-east-1/old", FOREIGN), "is not stack/old"),
    "a deletion elsewhere": (
        lambda p: deletion(p, "us-east-1/payroll", Arn(FOREIGN.replace(ACCOUNT, OTHER)), account=OTHER),
        "where the assembly has nothing",
    ),
    "a deletion of the assembly's": (
        lambda p: deletion(p, TABLE, Arn(FOREIGN.replace("payroll", "tap-dev-table")), name=StackName("tap-dev-table")),
        "the plan deletes it without making it again",
    ),
    "a deletion twice": (
        lambda p: replace(d := deletion(p, "us-east-1/payroll", FOREIGN), deletions=d.deletions * 2),
        "is deleted, protected or given a policy 2 times",
    ),
}
"""What is written into the file, and the refusal."""


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_plan_that_does_not_follow_from_the_assembly_is_a_wrong_input(rig: Rig, kind: str) -> None:
    plan = rig.plan()
    tamper, message = TAMPERED[kind]
    trusted = rig.trusted(plan)
    rig.world.calls.clear()
    with pytest.raises(BadInput) as caught:
        rig.watched(lambda emit: execute_plan(tamper(plan), trusted, rig.clients, emit))
    assert message in str(caught.value)
    assert (caught.value.exit_code, list(rig.world.calls)) == (2, [])


def test_a_plan_as_it_was_written_follows_from_its_assembly(rig: Rig) -> None:
    plan = rig.plan()
    assert check_claim(plan, rig.trusted(plan)) == plan


def test_a_circle_is_refused_also_in_a_plan_of_ones_own(rig: Rig) -> None:
    plan = rig.plan()
    with pytest.raises(BadInput, match="circle: "):
        check_claim(step(plan, needs=(SERVICE,)), TrustedInput(deployment=rig.deployment, is_own=True))


def test_a_plan_for_another_account_than_is_pinned_is_refused(rig: Rig) -> None:
    plan = rig.plan()
    pinned = replace(rig.deployment, account=OTHER)
    with pytest.raises(BadInput, match=f"belongs in account {OTHER}, and the plan is for account {ACCOUNT}"):
        check_claim(plan, TrustedInput(deployment=pinned))


def test_the_protection_that_the_assembly_lifts_may_be_lifted(rig: Rig) -> None:
    rig.deploy(changed(rig.deployment, TABLE, termination_protection=True))
    plan = rig.plan(changed(rig.deployment, TABLE, termination_protection=False))
    assert [protection.protect for protection in check_claim(plan, rig.trusted(plan)).protections] == [False]
