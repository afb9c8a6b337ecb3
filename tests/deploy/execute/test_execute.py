import asyncio

import pytest

from builder.aws import call
from builder.deploy import (
    Cancelled,
    Done,
    Outcome,
    Plan,
    PlanOptions,
    PlanRequest,
    StackFailed,
    Superseded,
    execute_plan,
    exit_code,
)
from builder.deploy.progress import Emit, FirstFailure, NotStarted, Started, StatusChange, StepSuperseded
from builder.errors import ExitCode, Stopped
from builder.terms import StackId
from deploy.rig import Rig, changed, edited
from fake_aws import Fault


def started(rig: Rig) -> list[str]:
    return [event.stack for event in rig.events_of(Started)]


@pytest.mark.slow
def test_every_step_starts_when_its_own_needs_are_done(rig: Rig) -> None:
    rig.world.script.takes(60, resource="Table")
    outcomes = rig.deploy()
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    order = [
        (type(e).__name__, str(e.stack))
        for e in rig.events
        if isinstance(e, Started) or (isinstance(e, StatusChange) and e.status == "CREATE_COMPLETE")
    ]
    assert order.index(("StatusChange", "us-west-2/storage")) < order.index(("Started", "us-east-1/storage"))
    assert order.index(("StatusChange", "us-east-1/storage")) < order.index(("StatusChange", "us-east-1/table"))
    assert order.index(("StatusChange", "us-east-1/table")) < order.index(("Started", "us-west-2/service"))


def test_a_failure_names_the_first_resource_and_what_needs_it_is_never_started(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Subscriber limit exceeded")
    outcomes = {outcome.stack: outcome for outcome in rig.deploy()}
    broke = outcomes[StackId("us-east-1/table")]
    assert broke == StackFailed(
        StackId("us-east-1/table"),
        "ROLLBACK_COMPLETE",
        "Table (AWS::DynamoDB::GlobalTable)",
        "Subscriber limit exceeded",
    )
    assert isinstance(outcomes[StackId("us-west-2/service")], Cancelled)
    assert set(started(rig)) == {"us-west-2/storage", "us-east-1/storage", "us-east-1/table"}
    assert [event.stack for event in rig.events_of(FirstFailure)] == ["us-east-1/table"]
    assert {event.stack for event in rig.events_of(NotStarted)} == {"us-east-1/service", "us-west-2/service"}


def test_after_a_failure_nothing_more_is_started_and_what_runs_goes_on(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="Access Denied", region="us-west-2")
    rig.world.script.takes(120, resource="Table")
    outcomes = {outcome.stack: outcome for outcome in rig.deploy()}
    assert isinstance(outcomes[StackId("us-east-1/table")], Done)
    assert outcomes[StackId("us-east-1/service")] == Cancelled(
        StackId("us-east-1/service"), because="us-west-2/storage failed"
    )


def stopped(rig: Rig, after_s: float) -> dict[str, Outcome]:
    """The outcomes of a deployment that somebody stops so long after it began."""
    plan, stop = rig.plan(), asyncio.Event()

    async def execute(emit: Emit) -> tuple[Outcome, ...]:
        asyncio.get_running_loop().call_later(after_s, stop.set)
        return await execute_plan(plan, rig.trusted(plan), rig.clients, emit, stop=stop)

    return {outcome.stack: outcome for outcome in rig.watched(execute)}


def test_who_stops_it_has_nothing_more_started_and_what_runs_goes_on(rig: Rig) -> None:
    rig.world.script.takes(120, resource="Table")
    outcomes = stopped(rig, after_s=60)
    service = StackId("us-west-2/service")
    assert isinstance(outcomes["us-east-1/table"], Done)
    assert outcomes[service] == Cancelled(service, because="interrupted", interrupted=True)
    assert exit_code(outcomes.values()) is ExitCode.INTERRUPTED
    assert service not in started(rig)


def test_what_is_stopped_before_it_begins_starts_nothing(rig: Rig) -> None:
    outcomes = stopped(rig, after_s=0)
    assert started(rig) == []
    assert {type(outcome) for outcome in outcomes.values()} == {Cancelled}
    assert next(event.stack for event in rig.events_of(NotStarted)) == "us-west-2/storage"
    assert rig.operations("ExecuteChangeSet") == 0


def test_who_stops_what_has_failed_changes_nothing_of_the_reason(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="Access Denied", region="us-west-2")
    rig.world.script.takes(300, resource="Table")
    outcomes = stopped(rig, after_s=200)
    service = StackId("us-east-1/service")
    assert outcomes[service] == Cancelled(service, because="us-west-2/storage failed")


def test_a_step_that_somebody_else_was_faster_with_is_superseded_and_has_not_failed(deployed: Rig) -> None:
    service, other = StackId("us-east-1/service"), StackId("us-west-2/service")

    def planned(memory_mb: int) -> Plan:
        both = deployed.deployment
        for stack in (service, other):
            both = edited(both, stack, "MemorySize: 256", f"MemorySize: {memory_mb}")
        return deployed.plan(both)

    ours, theirs = planned(512), planned(128)
    winner = next(step for step in theirs.steps if step.stack == ours.steps[0].stack)

    async def be_faster() -> None:
        client = deployed.clients.cloudformation(winner.region)
        await call(winner.stack, client.execute_change_set, ChangeSetName=winner.change_set)

    theirs_too = [f"{step.stack}/{step.change_set.split('/')[1]}" for step in theirs.steps]
    trusted = deployed.trusted(ours)
    ended = deployed.watched(
        lambda emit: execute_plan(ours, trusted, deployed.clients, emit, allow=theirs_too, before=be_faster)
    )
    (superseded,) = (outcome for outcome in ended if isinstance(outcome, Superseded))
    assert (superseded.stack, winner.change_set in superseded.by) == (winner.stack, True)
    assert [(event.stack, event.by) for event in deployed.events_of(StepSuperseded)] == [(winner.stack, superseded.by)]
    assert deployed.events_of(FirstFailure) == []
    assert [event.because for event in deployed.events_of(NotStarted)] == [f"{winner.stack} was superseded"]
    assert exit_code(ended) is ExitCode.STOPPED


def test_an_executed_plan_executed_again_is_done(rig: Rig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    again = rig.execute(plan)
    assert {outcome.status for outcome in again if isinstance(outcome, Done)} == {"executed before"}
    assert rig.operations("ExecuteChangeSet") == 5


@pytest.mark.parametrize("nth", [1, 3, 5])
def test_a_lost_answer_to_execute_is_read_up_and_executes_nothing_twice(rig: Rig, nth: int) -> None:
    rig.world.faults.add(Fault.LOSE_ANSWER, operation="ExecuteChangeSet", nth=nth)
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())


def test_an_update_that_rolls_back_is_a_failure(deployed: Rig) -> None:
    deployed.world.script.fails("UPDATE", "Function", reason="Handler is wrong")
    outcomes = deployed.deploy(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))
    (broke,) = outcomes
    assert isinstance(broke, StackFailed)
    assert (broke.status, broke.reason) == ("UPDATE_ROLLBACK_COMPLETE", "Handler is wrong")


@pytest.mark.slow
def test_a_change_set_that_vanishes_under_execution_fails_its_step_only(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.faults.add(Fault.THROTTLE, operation="ExecuteChangeSet", region="us-west-2")
    outcomes = {outcome.stack: outcome for outcome in rig.execute(plan)}
    broke = outcomes[StackId("us-west-2/storage")]
    assert isinstance(broke, StackFailed)
    assert "Throttling" in broke.reason
    assert isinstance(outcomes[StackId("us-east-1/storage")], Cancelled)


def test_a_stack_deleted_by_somebody_while_it_is_made_is_a_failure(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.script.takes(600, resource="Table")
    table = rig.world.stack("tap-dev-table")

    async def delete_in_between() -> tuple[Outcome, ...]:
        running = asyncio.ensure_future(execute_plan(plan, rig.trusted(plan), rig.clients, rig.events.append))
        await asyncio.sleep(30)
        table.put("DELETE_COMPLETE")
        return await running

    outcomes = {outcome.stack: outcome for outcome in rig.run(delete_in_between)}
    broke = outcomes[StackId("us-east-1/table")]
    assert isinstance(broke, StackFailed)
    assert broke.status == "DELETE_COMPLETE"


def test_termination_protection_is_what_the_manifest_says(rig: Rig) -> None:
    rig.deploy(changed(rig.deployment, "us-east-1/table", termination_protection=True))
    assert rig.operations("UpdateTerminationProtection") == 1
    assert rig.world.stack("tap-dev-table").record.termination_protection


@pytest.mark.slow
def test_reads_that_lag_behind_end_nothing_early(rig: Rig) -> None:
    rig.world.faults.add(Fault.STALE, probability=0.5)
    rig.deploy()
    rig.world.faults.clear()
    assert set(rig.statuses().values()) == {"CREATE_COMPLETE"}


def test_an_update_that_cannot_be_rolled_back_says_what_to_type_next(deployed: Rig) -> None:
    deployed.world.script.fails("UPDATE", "Function", reason="Handler is wrong")
    deployed.world.script.fails("UPDATE_ROLLBACK", "Function", reason="still wrong")
    smaller = edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512")
    plan = deployed.plan(smaller)
    (broke,) = deployed.execute(plan)
    assert isinstance(broke, StackFailed)
    assert broke.status == "UPDATE_ROLLBACK_FAILED"
    assert broke.next_step.startswith("python -m builder plan --recover")
    with pytest.raises(Stopped, match="ended in UPDATE_ROLLBACK_FAILED") as caught:
        deployed.execute(plan)
    assert caught.value.next_step == broke.next_step


@pytest.mark.slow
def test_an_unrolled_stack_stays_where_a_failure_met_it_and_is_taken_up_from_there(rig: Rig) -> None:
    request = PlanRequest(options=PlanOptions(unrolled=(StackId("us-east-1/service"),)))
    rig.world.script.fails("CREATE", "ExecutionRole", reason="limit", region="us-east-1")
    outcomes = {outcome.stack: outcome for outcome in rig.deploy(request=request)}
    broke = outcomes[StackId("us-east-1/service")]
    assert isinstance(broke, StackFailed)
    assert (broke.status, broke.reason) == ("CREATE_FAILED", "limit")
    again = rig.plan(request=request)
    assert {step.stack: step.type for step in again.steps}[StackId("us-east-1/service")] == "UPDATE"
    assert again.deletions == ()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(again))
    assert rig.statuses()[StackId("us-east-1/service")] == "UPDATE_COMPLETE"
