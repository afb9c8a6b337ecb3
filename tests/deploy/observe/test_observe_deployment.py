from dataclasses import replace

import pytest

from builder.deploy.progress import Waiting
from builder.errors import BadInput
from builder.terms import AccountId, Region, StackId
from deploy.rig import Rig


def test_another_s_operation_is_waited_for_and_its_token_told(deployed: Rig) -> None:
    stack = deployed.world.stack("tap-dev-table")
    token = "Console-UpdateStack-7f59c3cf"
    stack.record.token = token
    stack.put("UPDATE_IN_PROGRESS")
    stack.then("UPDATE_COMPLETE", after_s=30)
    plan = deployed.plan()
    assert plan.steps == ()
    assert deployed.events_of(Waiting)[0] == Waiting(StackId("us-east-1/table"), "UPDATE_IN_PROGRESS", token)


def test_a_stack_deleted_while_it_was_waited_for_is_created_anew(deployed: Rig) -> None:
    deployed.clients.cloudformation(Region("us-east-1")).delete_stack(StackName="tap-dev-table")
    assert [(step.stack, step.type) for step in deployed.plan().steps] == [("us-east-1/table", "CREATE")]


def test_stacks_that_the_assembly_no_longer_has_are_named(deployed: Rig) -> None:
    fewer = replace(deployed.deployment, stacks=deployed.deployment.stacks[:-1])
    (orphan,) = deployed.plan(fewer).orphans
    assert orphan.stack == "us-west-2/tap-dev-service"
    assert "AWS::Lambda::Function" in {resource.type for resource in orphan.resources}


def test_credentials_of_another_account_are_refused(rig: Rig) -> None:
    with pytest.raises(BadInput, match="444455556666"):
        rig.plan(replace(rig.deployment, account=AccountId("444455556666")))
