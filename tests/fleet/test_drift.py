import asyncio

import pytest

from builder.deploy.progress import Waiting
from builder.fleet import SetDrift, detect_drift
from builder.fleet.progress import SetProgress
from fake_aws import Fault, Organization
from fake_aws.organizations.records import ROOT
from fleet.inventory import take_inventory
from fleet.rig import CHANGED, STORAGE, FleetRig, copied, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, WEST, stack_set

A, B, C = ACCOUNTS


def detect(rig: FleetRig) -> tuple[SetDrift, ...]:
    _, sets = rig.standing()
    rig.runs += 1
    return rig.run(lambda: detect_drift(sets, rig.clients, f"drift-{rig.runs}", rig.events.append))


def change_by_hand(rig: FleetRig, account: str, name: str = "by hand") -> None:
    stack = next(one.stack for one in rig.instances() if one.site.account == account)
    rig.world.stack(stack.split("/")[1], account=account, region=WEST).drifts("Topic", DisplayName=name)


def test_a_detection_is_an_operation_of_each_set_and_changes_no_stack(standing: FleetRig) -> None:
    before = take_inventory(standing.world)
    instances = standing.instances()
    found = detect(standing)
    assert [(one.stack, one.instances, one.drifted, one.unseen, one.problem) for one in found] == [
        (STORAGE, 3, (), (), ""),
        ("us-east-1/storage", 3, (), (), ""),
    ]
    assert take_inventory(standing.world) == before
    assert {(one.status, one.operation) for one in standing.instances()} == {
        (one.status, one.operation) for one in instances
    }
    assert {one.action for one in standing.said(SetProgress)} == {"DETECT_DRIFT"}
    assert standing.plan().is_empty


def test_only_what_drifted_is_read_and_told_with_its_properties(standing: FleetRig) -> None:
    change_by_hand(standing, B)
    standing.world.calls.clear()
    first, second = detect(standing)
    (stack,) = first.drifted
    assert (stack.account, stack.region, stack.stack) == (B, WEST, STORAGE)
    (resource,) = stack.resources
    assert (resource.logical_id, resource.status) == ("Topic", "MODIFIED")
    assert [(one.path, one.expected, one.actual) for one in resource.properties] == [("/DisplayName", "one", "by hand")]
    assert second.drifted == ()
    assert standing.operations("ListStackInstanceResourceDrifts") == 1


def test_an_override_is_no_drift(standing: FleetRig) -> None:
    standing.clients.cloudformation(WEST).update_stack_instances(
        StackSetName=stack_set(STORAGE).name,
        Accounts=[A],
        Regions=[WEST],
        ParameterOverrides=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "own"}],
    )
    standing.world.settle()
    assert [one.drifted for one in detect(standing)] == [(), ()]


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.THROTTLE])
def test_a_detection_is_begun_once_whatever_became_of_the_answer(standing: FleetRig, fault: Fault) -> None:
    standing.world.faults.add(fault, operation="DetectStackSetDrift", nth=1)
    assert [one.problem for one in detect(standing)] == ["", ""]
    sets = standing.world.region("111122223333", WEST).cloudformation.stack_sets.values()
    actions = [operation.action for one in sets for operation in one.operations.values()]
    assert actions.count("DETECT_DRIFT") == 2


@pytest.mark.slow
def test_an_operation_in_the_way_is_waited_for_and_named(standing: FleetRig) -> None:
    standing.deploy(two_sets(managed=False))  # else CloudFormation queues the detection by itself
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED, managed=False))
    _, sets = standing.standing()

    async def both() -> tuple[SetDrift, ...]:
        changing = asyncio.ensure_future(asyncio.to_thread(update, standing))
        await asyncio.sleep(5)
        found = await detect_drift(sets, standing.clients, "drift", standing.events.append)
        await changing
        return found

    found = standing.run(both)
    assert [one.problem for one in found] == ["", ""]
    assert [one.status for one in standing.said(Waiting)] == ["RUNNING"]
    assert plan.sets


def update(rig: FleetRig) -> None:
    rig.clients.cloudformation(WEST).update_stack_set(
        StackSetName=stack_set(STORAGE).name,
        TemplateBody=CHANGED,
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
    )


def test_who_cannot_be_looked_at_keeps_nobody_else_from_it(standing: FleetRig) -> None:
    standing.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/tap-dev-execution")
    change_by_hand(standing, C)
    first, _ = detect(standing)
    assert [one.account for one in first.drifted] == [C]
    assert [(one.account, one.reason.partition(" should")[0]) for one in first.unseen] == [(A, f"Account {A}")]


def test_a_set_that_may_not_be_looked_at_is_told_beside_the_other(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.DENIED, operation="DetectStackSetDrift", nth=1)
    problems = [one.problem for one in detect(standing)]
    assert len([one for one in problems if "not allowed to call DetectStackSetDrift" in one]) == 1
    assert "" in problems


@pytest.mark.slow
def test_no_listing_of_before_the_detection_is_believed(standing: FleetRig) -> None:
    change_by_hand(standing, B)
    detect(standing)
    change_by_hand(standing, C)
    change_by_hand(standing, B, "one")
    for nth in range(1, 9):
        rig = copied(standing)
        rig.world.faults.max_age_s = 3.0
        rig.world.faults.add(Fault.STALE, operation="ListStackInstances", nth=nth)
        rig.world.faults.add(Fault.STALE, operation="ListStackSetOperationResults", nth=nth)
        first, second = detect(rig)
        assert [one.account for one in first.drifted] == [C], nth
        assert (first.unseen, second.drifted, second.unseen) == ((), (), ()), nth


@pytest.mark.slow
def test_what_a_listing_never_shows_was_not_looked_at(standing: FleetRig) -> None:
    sets = standing.world.region(ADMIN, WEST).cloudformation.stack_sets
    (set_,) = [one for one in sets.values() if one.name == stack_set(STORAGE).name]
    change_by_hand(standing, B)
    standing.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT), suspended={B})
    first, _ = detect(standing)  # passed over, which a self-managed set says of no instance that it detects drift of
    assert [one.drift_at for key, one in set_.instances.items() if key[0] == B] == [None]
    assert (first.drifted, [one.account for one in first.unseen]) == ((), [B])


@pytest.mark.slow
def test_an_account_whose_role_is_gone_is_not_told_by_what_drifted_before(standing: FleetRig) -> None:
    for account in (B, C):
        change_by_hand(standing, account)
    assert [one.account for one in detect(standing)[0].drifted] == [B, C]
    standing.world.forbidden_roles.add(f"arn:aws:iam::{B}:role/tap-dev-execution")
    standing.world.calls.clear()
    first, second = detect(standing)
    assert [one.account for one in first.drifted] == [C]
    assert [one.account for one in (*first.unseen, *second.unseen)] == [B, B]
    assert standing.operations("ListStackInstanceResourceDrifts") == 1


def test_what_drifted_in_one_stack_is_told_where_another_s_cannot_be_read(standing: FleetRig) -> None:
    for account in (B, C):
        change_by_hand(standing, account)
    standing.world.faults.add(Fault.DENIED, operation="ListStackInstanceResourceDrifts", nth=1)
    first, _ = detect(standing)
    assert (first.problem, [one.account for one in first.drifted]) == ("", [B, C])
    (unread,) = first.unseen
    assert "what drifted in it could not be read: not allowed to call" in unread.reason
    assert sorted(len(one.resources) for one in first.drifted) == [0, 1]
