import pytest

from builder.aws import Clients
from builder.deploy import Done, Plan, execute_plan
from builder.errors import BadInput, Several, Stopped
from deploy.rig import Rig, edited


def update(deployed: Rig) -> Plan:
    return deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))


def test_a_stack_that_moved_since_the_plan_refuses_it_all(deployed: Rig) -> None:
    plan = update(deployed)
    other = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024"))
    allow = {"us-east-1/service/tap-dev-plan-2"}
    deployed.watched(lambda emit: execute_plan(other, deployed.trusted(other), deployed.clients, emit, allow=allow))
    executed = deployed.operations("ExecuteChangeSet")
    with pytest.raises(Stopped, match="Nothing of this plan was executed here"):
        deployed.execute(plan)
    assert deployed.operations("ExecuteChangeSet") == executed


def test_a_plan_that_somebody_else_s_same_plan_overtook_is_done(rig: Rig) -> None:
    first, second = rig.plan(), rig.plan()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(first))
    assert all(isinstance(outcome, Done) for outcome in rig.execute(second))
    assert rig.operations("ExecuteChangeSet") == 5


@pytest.mark.slow
def test_a_new_stack_that_another_plan_created_first_refuses_the_loser_and_names_the_winner(rig: Rig) -> None:
    first = rig.plan()
    other = rig.plan(edited(rig.deployment, "us-west-2/storage", "NoncurrentDays: 30", "NoncurrentDays: 7"))
    allow = {f"{step.stack}/tap-dev-plan-2" for step in first.steps}
    rig.watched(lambda emit: execute_plan(first, rig.trusted(first), rig.clients, emit, allow=allow))
    with pytest.raises(Several, match=first.steps[0].change_set):
        rig.execute(other)
    assert rig.operations("ExecuteChangeSet") == 5


def test_anothers_pending_review_survives_planning_and_stops_execution(deployed: Rig) -> None:
    theirs = update(deployed)
    ours = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024"))
    with pytest.raises(Stopped, match="waits for somebody's review") as caught:
        deployed.execute(ours)
    assert caught.value.next_step.startswith("--allow us-east-1/service/tap-dev-plan-2")
    assert deployed.operations("ExecuteChangeSet") == 0
    allow = {"us-east-1/service/tap-dev-plan-2"}
    outcomes = deployed.watched(
        lambda emit: execute_plan(ours, deployed.trusted(ours), deployed.clients, emit, allow=allow)
    )
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    with pytest.raises(Stopped):
        deployed.execute(theirs)


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
