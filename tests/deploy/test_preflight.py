import pytest

from builder.aws import Clients
from builder.deploy import Done, Plan
from builder.errors import BadInput, Stopped
from deploy.rig import Rig, edited


def update(standing: Rig) -> Plan:
    return standing.plan(edited(standing.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))


def test_a_stack_that_moved_since_the_plan_refuses_it_all(standing: Rig) -> None:
    plan = update(standing)
    standing.deploy(edited(standing.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024"))
    with pytest.raises(Stopped, match="Nothing was executed"):
        standing.execute(plan)


def test_a_new_stack_that_another_plan_created_first_refuses_the_loser(rig: Rig) -> None:
    first, second = rig.plan(), rig.plan()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(first))
    with pytest.raises(Exception, match="the stack's last change set is"):
        rig.execute(second)
    assert rig.operations("ExecuteChangeSet") == 5


def test_a_step_that_rolled_back_needs_a_new_plan(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="no")
    plan = rig.plan()
    rig.execute(plan)
    with pytest.raises(Stopped, match="ended in ROLLBACK_COMPLETE"):
        rig.execute(plan)


def test_a_plan_of_another_account_is_refused(rig: Rig) -> None:
    plan = rig.plan()
    rig.clients = Clients(rig.world.session("444455556666"))
    with pytest.raises(BadInput, match="the plan is for account 111122223333"):
        rig.execute(plan)


def test_a_step_that_still_runs_is_taken_up_where_it_is(rig: Rig) -> None:
    plan = rig.plan()
    storage = plan.steps[0]
    rig.clients.cloudformation(storage.region).execute_change_set(ChangeSetName=storage.change_set)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert rig.operations("ExecuteChangeSet") == 5
