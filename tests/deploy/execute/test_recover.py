import asyncio

import pytest

from builder.deploy import Done, StackFailed
from builder.deploy.execute.halted import find_recoveries
from builder.deploy.execute.recover import recover
from builder.deploy.progress import FirstFailure, Skipping, Started, StatusChange
from builder.errors import Stopped
from builder.terms import LogicalId, Region
from deploy.halted import (
    NEW_TEMPLATE,
    OLD_TEMPLATE,
    TOPICS,
    by_hand,
    control,
    deployed_topics,
    failed_rollback,
    failed_without_rollback,
    recovered,
    recoveries,
    shown_less,
    topics,
)
from deploy.rig import Rig
from fake_aws import Fault, Killed

BACK, FIRST = "UPDATE_ROLLBACK_COMPLETE", LogicalId("First")


def test_an_update_that_failed_without_rollback_is_rolled_back(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    rig.world.calls.clear()
    assert recovered(rig) == (Done(TOPICS, BACK),)
    assert (rig.operations("RollbackStack"), rig.operations("ContinueUpdateRollback")) == (1, 0)
    statuses = [event.status for event in rig.events if isinstance(event, StatusChange)]
    assert (statuses[0], statuses[-1]) == ("UPDATE_ROLLBACK_IN_PROGRESS", BACK)
    assert rig.plan().is_empty


def test_a_rollback_that_failed_is_first_continued_without_skipping_anything(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig))
    assert recovered(rig) == (Done(TOPICS, BACK),)
    assert rig.operations("ContinueUpdateRollback") == 1
    assert rig.events_of(Skipping) == []
    assert control(rig).record.resources["First"].properties == {"DisplayName": "one"}


def test_what_fails_again_is_skipped_and_named_with_what_to_do_about_it(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    (done,) = recovered(rig)
    assert isinstance(done, Done)
    assert done.status == BACK
    assert "detect-stack-drift" in done.next_step
    assert "First" in done.next_step
    assert rig.operations("ContinueUpdateRollback") == 2
    assert rig.events_of(Skipping) == [Skipping(TOPICS, (FIRST,))]


def test_what_nobody_was_shown_is_not_skipped(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    (broke,) = recovered(rig, shown_less(recoveries(rig), "First"))
    assert broke == StackFailed(
        TOPICS,
        "UPDATE_ROLLBACK_FAILED",
        "First (AWS::SNS::Topic)",
        "no way back for First",
        "python -m builder plan --recover    shows what it would roll back, and asks; so does deploy",
    )
    assert rig.operations("ContinueUpdateRollback") == 1
    assert rig.events_of(FirstFailure) != []


def test_what_failed_only_now_is_not_skipped_along_with_what_was_shown(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), times=1)
    rig.world.script.fails("UPDATE_ROLLBACK", "Second", reason="not this one either")
    (broke,) = recovered(rig)
    assert isinstance(broke, StackFailed)
    assert (broke.status, broke.resource) == ("UPDATE_ROLLBACK_FAILED", "Second (AWS::SNS::Topic)")
    assert recovered(rig) == (Done(TOPICS, BACK),)


def test_a_rollback_begun_by_the_recovery_that_fails_skips_nothing_unseen(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    rig.world.script.fails("UPDATE_ROLLBACK", "First", reason="no way back", times=3)
    (broke,) = recovered(rig)
    assert isinstance(broke, StackFailed)
    assert broke.status == "UPDATE_ROLLBACK_FAILED"
    assert rig.operations("ContinueUpdateRollback") == 0
    (done,) = recovered(rig)  # now it was shown
    assert isinstance(done, Done)
    assert done.status == BACK


def test_a_rollback_that_fails_though_it_skips_is_a_failure(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    rig.world.script.fails("UPDATE_ROLLBACK", "Second", reason="nor this", times=1)
    (broke,) = recovered(rig)
    assert isinstance(broke, StackFailed)
    assert broke.resource == "Second (AWS::SNS::Topic)"


OPERATIONS = {"UPDATE_FAILED": "RollbackStack", "UPDATE_ROLLBACK_FAILED": "ContinueUpdateRollback"}
HALTS = {"UPDATE_FAILED": failed_without_rollback, "UPDATE_ROLLBACK_FAILED": failed_rollback}


@pytest.mark.parametrize("honoured", [True, False])
@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST, Fault.READ_TIMEOUT, Fault.THROTTLE])
@pytest.mark.parametrize("status", HALTS)
def test_a_lost_answer_is_read_up(rig: Rig, status: str, fault: Fault, honoured: bool) -> None:  # noqa: FBT001
    HALTS[status](deployed_topics(rig))
    rig.world.quirks.repeated_request_token_is_honoured = honoured
    rig.world.faults.add(fault, operation=OPERATIONS[status], nth=1)
    assert recovered(rig) == (Done(TOPICS, BACK),)


@pytest.mark.parametrize("nth", [1, 2])
def test_an_answer_lost_on_a_rollback_that_fails_at_once_is_read_up(rig: Rig, nth: int) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    rig.world.script.takes(0.01, action="UPDATE_ROLLBACK")
    rig.world.script.takes(0.01, action="STACK")
    rig.world.faults.add(Fault.LOSE_ANSWER, operation="ContinueUpdateRollback", nth=nth)
    (done,) = recovered(rig)
    assert isinstance(done, Done)
    assert rig.events_of(Skipping) == [Skipping(TOPICS, (FIRST,))]


@pytest.mark.parametrize("status", HALTS)
def test_reads_that_lag_behind_end_nothing_early(rig: Rig, status: str) -> None:
    HALTS[status](deployed_topics(rig))
    shown = recoveries(rig)
    rig.world.faults.add(Fault.STALE, probability=0.5)
    assert recovered(rig, shown) == (Done(TOPICS, BACK),)
    rig.world.faults.clear()
    assert control(rig).status == BACK


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
@pytest.mark.parametrize("nth", [1, 2])
def test_after_a_kill_the_same_again_goes_on(rig: Rig, fault: Fault, nth: int) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    rig.world.faults.add(fault, operation="ContinueUpdateRollback", nth=nth)
    with pytest.raises(Killed):
        recovered(rig)
    rig.world.faults.clear()
    rig.world.faults.revive()
    for _ in range(2):
        recovered(rig)
    assert control(rig).status == BACK


def test_another_s_rollback_is_as_good_as_ours(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig))
    shown = recoveries(rig)
    rig.clients.cloudformation(Region("us-east-1")).continue_update_rollback(StackName="tap-dev-topics")
    assert recovered(rig, shown) == (Done(TOPICS, BACK),)


def test_another_s_rollback_that_fails_skips_nothing(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), times=3)
    shown = recoveries(rig)
    rig.clients.cloudformation(Region("us-east-1")).continue_update_rollback(StackName="tap-dev-topics")
    (broke,) = recovered(rig, shown)
    assert isinstance(broke, StackFailed)
    assert rig.events_of(Skipping) == []


def test_a_refusal_is_told_as_aws_says_it(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    shown = recoveries(rig)
    rig.world.faults.add(Fault.DENIED, operation="RollbackStack")
    (broke,) = recovered(rig, shown)
    assert isinstance(broke, StackFailed)
    assert "not allowed to call RollbackStack" in broke.reason
    assert "describe-stack-events --region us-east-1 --stack-name tap-dev-topics" in broke.next_step


def test_a_stack_that_takes_no_such_rollback_any_more_is_a_failure(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    shown = recoveries(rig)
    control(rig).put("UPDATE_ROLLBACK_FAILED")
    (broke,) = recovered(rig, shown)
    assert isinstance(broke, StackFailed)
    assert "AWS refused RollbackStack (ValidationError)" in broke.reason


def test_a_stack_that_is_back_already_is_left_as_it_is(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    shown = recoveries(rig)
    control(rig).put(BACK)
    assert recovered(rig, shown) == (Done(TOPICS, BACK),)


def test_several_stacks_are_rolled_back_side_by_side(deployed: Rig) -> None:
    for region in ("us-east-1", "us-west-2"):
        deployed.world.stack("tap-dev-service", region=region).put("UPDATE_FAILED", failed=("Function",))
    deployed.world.script.takes(100, action="STACK")

    async def all_of_it() -> float:
        shown = await find_recoveries(deployed.deployment, deployed.clients, deployed.events.append)
        started = asyncio.get_running_loop().time()
        ended = await recover(shown, deployed.clients, "r", deployed.events.append)
        assert [outcome.status for outcome in ended] == [BACK, BACK]
        return asyncio.get_running_loop().time() - started

    assert deployed.run(all_of_it) < 250
    assert len(deployed.events_of(Started)) == 2


def never_good(rig: Rig, template: str = OLD_TEMPLATE) -> None:
    """Somebody creates the stack with rollback disabled, that fails, and so does the update that was to mend it."""
    rig.deployment = topics(template)
    rig.world.script.fails("CREATE", "Second", reason="no", times=2)
    client = rig.clients.cloudformation(Region("us-east-1"))
    plan = rig.plan()
    client.execute_change_set(ChangeSetName=plan.steps[0].change_set, DisableRollback=True)
    rig.world.settle()
    by_hand(rig, template + "  Third: {Type: AWS::SNS::Topic}\n", disable_rollback=True)
    assert control(rig).status == "UPDATE_FAILED"


def test_what_never_had_a_good_state_is_rolled_back_to_nothing_and_made_anew(rig: Rig) -> None:
    never_good(rig)
    (recovery,) = recoveries(rig)
    assert {resource.logical_id for resource in recovery.created} >= {"First", "Third"}
    assert recovered(rig) == (Done(TOPICS, "ROLLBACK_COMPLETE"),)
    assert [type(outcome) for outcome in rig.deploy()] == [Done]
    assert control(rig).status == "CREATE_COMPLETE"


def test_what_never_had_a_good_state_and_holds_data_is_not_rolled_back(rig: Rig) -> None:
    never_good(
        rig, OLD_TEMPLATE + "  Key: {Type: AWS::KMS::Key, DeletionPolicy: Delete, UpdateReplacePolicy: Delete}\n"
    )
    with pytest.raises(Stopped, match=r"would delete what holds data\n  Key"):
        recoveries(rig)


def test_what_never_had_a_good_state_and_has_what_nobody_knows_is_not_rolled_back(rig: Rig) -> None:
    never_good(rig, OLD_TEMPLATE + "  Store: {Type: Org::Service::Store}\n")
    with pytest.raises(
        Stopped, match=r"would delete what may hold data\n  Store \(Org::Service::Store\): what it holds \("
    ):
        recoveries(rig)


def test_an_express_update_takes_no_rollback_and_that_is_told(rig: Rig) -> None:
    deployed_topics(rig)
    rig.world.script.fails("UPDATE", "Second", reason="no")
    by_hand(rig, NEW_TEMPLATE, express=True)
    (broke,) = recovered(rig)
    assert isinstance(broke, StackFailed)
    assert "EXPRESS" in broke.reason
    assert control(rig).status == "UPDATE_FAILED"
