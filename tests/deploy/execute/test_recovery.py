from dataclasses import replace

import pytest

from builder.deploy.execute.halted import FailedResource, HaltedStack, Recovery, decide_recovery, is_created
from builder.deploy.observe.operation import SinceGood
from builder.deploy.observe.stacks import ObservedResource
from builder.deploy.progress import Waiting
from builder.deploy.records import StackResource
from builder.errors import BadInput, Stopped
from builder.terms import AccountId, LogicalId, Region
from deploy.draft.test_decide import observed
from deploy.halted import (
    NEW_TEMPLATE,
    TOPICS,
    by_hand,
    control,
    deployed_topics,
    failed_rollback,
    failed_without_rollback,
    recovered,
    recoveries,
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
    return decide_recovery(TOPICS, HaltedStack(observed=observed(status), resources=resources, since=history))


def test_a_paused_update_skips_nothing(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    (recovery,) = recoveries(rig)
    assert (recovery.stack, recovery.observed.status) == (TOPICS, "UPDATE_FAILED")
    assert recovery.failed == (FailedResource(logical_id=SECOND, type=TOPIC, reason="no", may_be_skipped=False),)
    assert recovery.may_skip == frozenset()
    assert recovery.created == ()


def test_a_failed_rollback_may_skip_what_failed_on_its_way_back(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig))
    (recovery,) = recoveries(rig)
    stuck = FailedResource(logical_id=FIRST, type=TOPIC, reason="no way back for First", may_be_skipped=True)
    assert stuck in recovery.failed
    assert recovery.may_skip == {FIRST}


def test_what_failed_on_the_way_forth_only_is_not_skipped() -> None:
    stuck, forth = resource("First", "UPDATE_FAILED"), resource("Second", "UPDATE_FAILED")
    recovery = decided("UPDATE_ROLLBACK_FAILED", since(failed=("First",)), stuck, forth)
    assert [each.logical_id for each in recovery.failed] == [FIRST, SECOND]
    assert recovery.may_skip == {FIRST}


def test_what_was_only_stopped_with_another_did_not_fail() -> None:
    cancelled = resource("First", "UPDATE_FAILED", reason="Resource update cancelled")
    assert decided("UPDATE_ROLLBACK_FAILED", since(), cancelled).failed == ()


def test_a_nested_stack_is_not_skipped() -> None:
    nested = resource("First", "UPDATE_FAILED", kind="AWS::CloudFormation::Stack")
    assert decided("UPDATE_ROLLBACK_FAILED", since(failed=("First",)), nested).may_skip == frozenset()


def test_what_the_failed_update_made_is_shown_to_be_deleted(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig), NEW_TEMPLATE + "  Third: {Type: AWS::SNS::Topic}\n")
    (recovery,) = recoveries(rig)
    assert recovery.created == (StackResource(logical_id=LogicalId("Third"), type=TOPIC, policy_action="Delete"),)


@pytest.mark.parametrize(
    ("physical", "history", "expected"),
    [
        ("p", since(made=("First",)), True),
        ("p", since(made=("Second",)), False),
        ("p", since(known=False), True),
        ("", since(made=("First",)), False),
        ("", since(known=False), False),
    ],
)
def test_what_came_into_being_since_the_last_good_state_is_rolled_back(
    physical: str, history: SinceGood, *, expected: bool
) -> None:
    assert is_created(resource("First", "CREATE_FAILED", physical=physical), history) == expected


def key_events(rig: Rig) -> set[str]:
    """The statuses that the key has had."""
    client = rig.clients.cloudformation(Region("us-east-1"))
    shown = client.get_paginator("describe_stack_events").paginate(StackName="tap-dev-topics")
    events = (event for page in shown for event in page["StackEvents"])
    return {event["ResourceStatus"] for event in events if event.get("LogicalResourceId") == "Key"}


POLICIES = {"": "Delete", "Delete": "Delete", "Retain": "Retain", "RetainExceptOnCreate": "Delete"}


def key(policy: str) -> str:
    return f"  Key: {{Type: AWS::KMS::Key{f', DeletionPolicy: {policy}' if policy else ''}, Properties: {{}}}}\n"


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("is_begun", [False, True])
def test_what_becomes_of_what_the_failed_update_made_is_what_the_rollback_does(
    rig: Rig, policy: str, *, is_begun: bool
) -> None:
    """Both ways into a rollback: what is shown beforehand is what the fake AWS does then."""
    (failed_rollback if is_begun else failed_without_rollback)(deployed_topics(rig), NEW_TEMPLATE + key(policy))
    if POLICIES[policy] == "Delete" and not is_begun:
        with pytest.raises(Stopped, match="Key"):
            recoveries(rig)
        return
    shown = recoveries(rig)
    (created,) = shown[0].created
    assert (created.logical_id, created.policy_action) == ("Key", POLICIES[policy])
    assert [outcome.status for outcome in recovered(rig, shown)] == ["UPDATE_ROLLBACK_COMPLETE"]
    ending = "DELETE_SKIPPED" if POLICIES[policy] == "Retain" else "DELETE_COMPLETE"
    assert key_events(rig) & {"DELETE_SKIPPED", "DELETE_COMPLETE"} == {ending}


def test_an_operation_that_retains_nothing_it_created_deletes_what_a_policy_retains(rig: Rig) -> None:
    deployed_topics(rig)
    rig.world.script.fails("UPDATE", "Second", reason="no")
    by_hand(rig, NEW_TEMPLATE + key("Retain"), disable_rollback=True, retain_except_on_create=True)
    with pytest.raises(Stopped, match="Key"):
        recoveries(rig)


def test_of_what_nobody_can_tell_nothing_is_promised() -> None:
    unknown = StackResource(logical_id=LogicalId("Key"), type="AWS::KMS::Key")
    halted = HaltedStack(observed=observed("UPDATE_FAILED"), resources=(), since=since(), created=(unknown,))
    with pytest.raises(Stopped, match="Key"):
        decide_recovery(TOPICS, halted)


def test_a_rollback_that_would_delete_data_needs_a_person(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig), NEW_TEMPLATE + KEY)
    with pytest.raises(Stopped, match=r"its rollback would delete what holds data\n  Key \(AWS::KMS::Key\)") as caught:
        recoveries(rig)
    assert caught.value.next_step.startswith("aws cloudformation rollback-stack --region us-east-1")
    assert rig.operations("RollbackStack") == 0


def test_a_rollback_that_cloudformation_began_goes_on_and_shows_what_it_deletes(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig), NEW_TEMPLATE + KEY)
    (recovery,) = recoveries(rig)
    assert recovery.created == (
        StackResource(logical_id=LogicalId("Key"), type="AWS::KMS::Key", policy_action="Delete"),
    )


def test_stacks_of_another_deployment_and_stacks_that_are_not_halted_are_left_alone(rig: Rig) -> None:
    deployed_topics(rig)
    assert recoveries(rig) == ()
    failed_without_rollback(rig)
    assert recoveries(rig, replace(rig.deployment, name="tap-prod")) == ()
    assert recoveries(rig, replace(rig.deployment, stacks=())) == ()


def test_a_rollback_under_way_is_waited_for_before_anything_is_said_of_it(rig: Rig) -> None:
    deployed_topics(rig)
    control(rig).put("UPDATE_ROLLBACK_IN_PROGRESS")
    control(rig).then("UPDATE_ROLLBACK_FAILED", after_s=60)
    (recovery,) = recoveries(rig)
    assert recovery.observed.status == "UPDATE_ROLLBACK_FAILED"
    assert rig.events_of(Waiting) != []
    control(rig).put("DELETE_IN_PROGRESS")
    control(rig).then("DELETE_COMPLETE", after_s=60)
    assert recoveries(rig) == ()


def test_the_credentials_of_another_account_roll_nothing_back(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    with pytest.raises(BadInput, match="belongs in account 444455556666"):
        recoveries(rig, replace(rig.deployment, account=AccountId("444455556666")))
