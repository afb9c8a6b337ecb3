"""One assembly in several accounts: the same names and regions, each stack reached by its account's role."""

from dataclasses import replace

import botocore.session
import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Done, read_plan, write_plan
from builder.terms import AccountId, Region, Site, StackId
from deploy.rig import ACCOUNT, Rig, edited, shipped

OTHER = AccountId("444455556666")


def in_two_accounts() -> Deployment:
    """The shipped system as it is, and once more in another account after it."""
    here = shipped()
    there = tuple(
        replace(
            stack,
            id=StackId(f"other/{stack.id}"),
            needs=tuple(StackId(f"other/{need}") for need in stack.needs),
            account=OTHER,
        )
        for stack in here.stacks
    )
    return replace(here, stacks=(*here.stacks, *there))


@pytest.fixture
def two(rig: Rig) -> Rig:
    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        rig.world.reach(core)
        return core

    roles = {OTHER: f"arn:aws:iam::{OTHER}:role/deployer"}
    rig.clients = Clients(rig.world.session(ACCOUNT), roles=roles, make_core=make_core)
    # botocore holds a lock while it assumes a role; on the fake's one thread that has to be over beforehand.
    rig.clients.of(Site(OTHER, Region("us-east-1"))).sts(Region("us-east-1")).get_caller_identity()
    rig.deployment = in_two_accounts()
    return rig


def statuses(rig: Rig, account: str) -> set[str]:
    return {rig.world.stack(stack.name, account=account, region=stack.region).status for stack in shipped().stacks}


@pytest.mark.slow
def test_every_stack_is_made_where_it_belongs_and_found_again(two: Rig) -> None:
    plan = two.plan()
    assert {step.account for step in plan.steps} == {None, OTHER}
    assert read_plan(write_plan(plan), "plan.json") == plan
    assert all(isinstance(outcome, Done) for outcome in two.execute(plan))
    assert statuses(two, ACCOUNT) == statuses(two, OTHER) == {"CREATE_COMPLETE"}
    assert two.plan().is_empty


@pytest.mark.slow
def test_an_update_of_one_account_leaves_the_other_alone(two: Rig) -> None:
    two.deploy()
    two.world.calls.clear()
    stack = StackId("other/us-west-2/service")
    plan = two.plan(edited(two.deployment, stack, "MemorySize: 256", "MemorySize: 512"))
    assert [(step.stack, step.site) for step in plan.steps] == [(stack, Site(OTHER, plan.steps[0].region))]
    two.execute(plan)
    assert {call.account for call in two.world.calls if call.operation == "ExecuteChangeSet"} == {OTHER}


@pytest.mark.slow
def test_both_are_destroyed(two: Rig) -> None:
    two.deploy()
    assert len(two.destroy()) == 10
    gone = [two.world.stack(stack.name, account=OTHER, region=stack.region).exists for stack in shipped().stacks]
    assert not any(gone)
