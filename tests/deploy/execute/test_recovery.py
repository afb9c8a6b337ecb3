from dataclasses import replace

import pytest

from builder.deploy.execute.recover import FailedResource, Recovery, decide_recovery
from builder.deploy.observe.operation import SinceGood
from builder.deploy.observe.stacks import ObservedResource
from builder.deploy.progress import Waiting
from builder.deploy.records import StackResource
from builder.errors import BadInput, Stopped
from builder.terms import AccountId, LogicalId
from deploy.draft.test_decide import observed
from deploy.halted import (
    TOPICS,
    TWO,
    control,
    failed_rollback,
    failed_without_rollback,
    recoveries,
    standing_topics,
)
from deploy.rig import Rig

KEY = "  Key: {Type: AWS::KMS::Key, DeletionPolicy: Delete, UpdateReplacePolicy: Delete, Properties: {}}\n"
FIRST, SECOND = LogicalId("First"), LogicalId("Second")
TOPIC = "AWS::SNS::Topic"


def resource(
    logical_id: str, status: str, *, kind: str = TOPIC, reason: str = "no", physical: str = "p"
) -> ObservedResource:
    return ObservedResource(
        logical_id=LogicalId(logical_id), type=kind, physical_id=physical, status=status, reason=reason
    )


def since(*, known: bool = True, made: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> SinceGood:
    return SinceGood(known=known, made=frozenset(map(LogicalId, made)), failed=frozenset(map(LogicalId, failed)))


def decided(status: str, history: SinceGood, *resources: ObservedResource) -> Recovery:
    return decide_recovery(TOPICS, observed(status), resources, history)


def test_a_paused_update_skips_nothing(rig: Rig) -> None:
    failed_without_rollback(standing_topics(rig))
    (one,) = recoveries(rig)
    assert (one.stack, one.observed.status) == (TOPICS, "UPDATE_FAILED")
    assert one.failed == (FailedResource(logical_id=SECOND, type=TOPIC, reason="no", may_be_skipped=False),)
    assert one.may_skip == frozenset()
    assert one.deletes == ()


def test_a_failed_rollback_may_skip_what_failed_on_its_way_back(rig: Rig) -> None:
    failed_rollback(standing_topics(rig))
    (one,) = recoveries(rig)
    stuck = FailedResource(logical_id=FIRST, type=TOPIC, reason="no way back for First", may_be_skipped=True)
    assert stuck in one.failed
    assert one.may_skip == {FIRST}


def test_what_failed_on_the_way_forth_only_is_not_skipped() -> None:
    stuck, forth = resource("First", "UPDATE_FAILED"), resource("Second", "UPDATE_FAILED")
    one = decided("UPDATE_ROLLBACK_FAILED", since(failed=("First",)), stuck, forth)
    assert [each.logical_id for each in one.failed] == [FIRST, SECOND]
    assert one.may_skip == {FIRST}


def test_what_was_only_stopped_with_another_did_not_fail() -> None:
    cancelled = resource("First", "UPDATE_FAILED", reason="Resource update cancelled")
    assert decided("UPDATE_ROLLBACK_FAILED", since(), cancelled).failed == ()


def test_a_nested_stack_is_not_skipped() -> None:
    nested = resource("First", "UPDATE_FAILED", kind="AWS::CloudFormation::Stack")
    assert decided("UPDATE_ROLLBACK_FAILED", since(failed=("First",)), nested).may_skip == frozenset()


def test_what_the_failed_update_made_is_shown_to_be_deleted(rig: Rig) -> None:
    failed_without_rollback(standing_topics(rig), TWO + "  Third: {Type: AWS::SNS::Topic}\n")
    (one,) = recoveries(rig)
    assert one.deletes == (StackResource(logical_id=LogicalId("Third"), type=TOPIC),)


def test_what_never_came_into_being_is_not_deleted() -> None:
    absent = resource("First", "CREATE_FAILED", physical="")
    assert decided("UPDATE_FAILED", since(made=("First",)), absent).deletes == ()


def test_a_rollback_that_would_delete_data_needs_a_person(rig: Rig) -> None:
    failed_without_rollback(standing_topics(rig), TWO + KEY)
    with pytest.raises(Stopped, match=r"its rollback would delete what holds data\n  Key \(AWS::KMS::Key\)") as caught:
        recoveries(rig)
    assert caught.value.next_step.startswith("aws cloudformation rollback-stack --region us-east-1")
    assert rig.operations("RollbackStack") == 0


def test_without_a_good_state_everything_goes() -> None:
    with pytest.raises(Stopped, match="Key"):
        decided("UPDATE_FAILED", since(known=False), resource("Key", "UPDATE_COMPLETE", kind="AWS::KMS::Key"))
    assert decided("UPDATE_FAILED", since(known=False), resource("First", "UPDATE_COMPLETE")).deletes != ()


def test_a_rollback_that_cloudformation_began_goes_on_and_shows_what_it_deletes(rig: Rig) -> None:
    failed_rollback(standing_topics(rig), TWO + KEY)
    (one,) = recoveries(rig)
    assert one.deletes == (StackResource(logical_id=LogicalId("Key"), type="AWS::KMS::Key"),)


def test_stacks_of_another_deployment_and_stacks_that_are_not_halted_are_left_alone(rig: Rig) -> None:
    standing_topics(rig)
    assert recoveries(rig) == ()
    failed_without_rollback(rig)
    assert recoveries(rig, replace(rig.deployment, name="tap-prod")) == ()
    assert recoveries(rig, replace(rig.deployment, stacks=())) == ()


def test_a_rollback_under_way_is_waited_for_before_anything_is_said_of_it(rig: Rig) -> None:
    standing_topics(rig)
    control(rig).put("UPDATE_ROLLBACK_IN_PROGRESS")
    control(rig).then("UPDATE_ROLLBACK_FAILED", after_s=60)
    (one,) = recoveries(rig)
    assert one.observed.status == "UPDATE_ROLLBACK_FAILED"
    assert rig.said(Waiting) != []
    control(rig).put("DELETE_IN_PROGRESS")
    control(rig).then("DELETE_COMPLETE", after_s=60)
    assert recoveries(rig) == ()


def test_the_credentials_of_another_account_roll_nothing_back(rig: Rig) -> None:
    failed_without_rollback(standing_topics(rig))
    with pytest.raises(BadInput, match="belongs in account 444455556666"):
        recoveries(rig, replace(rig.deployment, account=AccountId("444455556666")))
