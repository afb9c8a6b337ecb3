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
    _, sets = rig.observe()
    rig.runs += 1
    return rig.run(lambda: detect_drift(sets, rig.clients, f"drift-{rig.runs}", rig.events.append))


def change_by_hand(rig: FleetRig, account: str, name: str = "by hand") -> None:
    stack = next(instance.stack for instance in rig.instances() if instance.site.account == account)
    rig.world.stack(stack.split("/")[1], account=account, region=WEST).drifts("Topic", DisplayName=name)


def test_a_detection_is_an_operation_of_each_set_and_changes_no_stack(deployed: FleetRig) -> None:
    before = take_inventory(deployed.world)
    instances = deployed.instances()
    drifts = detect(deployed)
    assert [(drift.stack, drift.instances, drift.drifted, drift.unseen, drift.problem) for drift in drifts] == [
        (STORAGE, 3, (), (), ""),
        ("us-east-1/storage", 3, (), (), ""),
    ]
    assert take_inventory(deployed.world) == before
    assert {(instance.status, instance.operation) for instance in deployed.instances()} == {
        (instance.status, instance.operation) for instance in instances
    }
    assert {event.action for event in deployed.events_of(SetProgress)} == {"DETECT_DRIFT"}
    assert deployed.plan().is_empty


def test_only_what_drifted_is_read_and_told_with_its_properties(deployed: FleetRig) -> None:
    change_by_hand(deployed, B)
    deployed.world.calls.clear()
    first, second = detect(deployed)
    (stack,) = first.drifted
    assert (stack.account, stack.region, stack.stack) == (B, WEST, STORAGE)
    (resource,) = stack.resources
    assert (resource.logical_id, resource.status) == ("Topic", "MODIFIED")
    assert [(change.path, change.expected, change.actual) for change in resource.properties] == [
        ("/DisplayName", "one", "by hand")
    ]
    assert second.drifted == ()
    assert deployed.operations("ListStackInstanceResourceDrifts") == 1


def test_an_override_is_no_drift(deployed: FleetRig) -> None:
    deployed.clients.cloudformation(WEST).update_stack_instances(
        StackSetName=stack_set(STORAGE).name,
        Accounts=[A],
        Regions=[WEST],
        ParameterOverrides=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "own"}],
    )
    deployed.world.settle()
    assert [drift.drifted for drift in detect(deployed)] == [(), ()]


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.THROTTLE])
def test_a_detection_is_begun_once_whatever_became_of_the_answer(deployed: FleetRig, fault: Fault) -> None:
    deployed.world.faults.add(fault, operation="DetectStackSetDrift", nth=1)
    assert [drift.problem for drift in detect(deployed)] == ["", ""]
    sets = deployed.world.region("111122223333", WEST).cloudformation.stack_sets.values()
    actions = [operation.action for set_ in sets for operation in set_.operations.values()]
    assert actions.count("DETECT_DRIFT") == 2


@pytest.mark.slow
def test_an_operation_in_the_way_is_waited_for_and_named(deployed: FleetRig) -> None:
    deployed.deploy(two_sets(managed=False))  # else CloudFormation queues the detection by itself
    deployed.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = deployed.plan(two_sets(CHANGED, managed=False))
    _, sets = deployed.observe()

    async def both() -> tuple[SetDrift, ...]:
        changing = asyncio.ensure_future(asyncio.to_thread(update, deployed))
        await asyncio.sleep(5)
        drifts = await detect_drift(sets, deployed.clients, "drift", deployed.events.append)
        await changing
        return drifts

    drifts = deployed.run(both)
    assert [drift.problem for drift in drifts] == ["", ""]
    assert [event.status for event in deployed.events_of(Waiting)] == ["RUNNING"]
    assert plan.sets


def update(rig: FleetRig) -> None:
    rig.clients.cloudformation(WEST).update_stack_set(
        StackSetName=stack_set(STORAGE).name,
        TemplateBody=CHANGED,
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
    )


def test_who_cannot_be_looked_at_keeps_nobody_else_from_it(deployed: FleetRig) -> None:
    deployed.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/tap-dev-execution")
    change_by_hand(deployed, C)
    first, _ = detect(deployed)
    assert [stack.account for stack in first.drifted] == [C]
    assert [(instance.account, instance.reason.partition(" should")[0]) for instance in first.unseen] == [
        (A, f"Account {A}")
    ]


def test_a_set_that_may_not_be_looked_at_is_told_beside_the_other(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DetectStackSetDrift", nth=1)
    problems = [drift.problem for drift in detect(deployed)]
    assert len([problem for problem in problems if "not allowed to call DetectStackSetDrift" in problem]) == 1
    assert "" in problems


@pytest.mark.slow
def test_no_listing_of_before_the_detection_is_believed(deployed: FleetRig) -> None:
    change_by_hand(deployed, B)
    detect(deployed)
    change_by_hand(deployed, C)
    change_by_hand(deployed, B, "one")
    for nth in range(1, 9):
        rig = copied(deployed)
        rig.world.faults.max_age_s = 3.0
        rig.world.faults.add(Fault.STALE, operation="ListStackInstances", nth=nth)
        rig.world.faults.add(Fault.STALE, operation="ListStackSetOperationResults", nth=nth)
        first, second = detect(rig)
        assert [stack.account for stack in first.drifted] == [C], nth
        assert (first.unseen, second.drifted, second.unseen) == ((), (), ()), nth


@pytest.mark.slow
def test_what_a_listing_never_shows_was_not_looked_at(deployed: FleetRig) -> None:
    sets = deployed.world.region(ADMIN, WEST).cloudformation.stack_sets
    (set_,) = [set_ for set_ in sets.values() if set_.name == stack_set(STORAGE).name]
    change_by_hand(deployed, B)
    deployed.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT), suspended={B})
    first, _ = detect(deployed)  # passed over, which a self-managed set says of no instance that it detects drift of
    assert [instance.drift_at for key, instance in set_.instances.items() if key[0] == B] == [None]
    assert (first.drifted, [instance.account for instance in first.unseen]) == ((), [B])


@pytest.mark.slow
def test_an_account_whose_role_is_gone_is_not_told_by_what_drifted_before(deployed: FleetRig) -> None:
    for account in (B, C):
        change_by_hand(deployed, account)
    assert [stack.account for stack in detect(deployed)[0].drifted] == [B, C]
    deployed.world.forbidden_roles.add(f"arn:aws:iam::{B}:role/tap-dev-execution")
    deployed.world.calls.clear()
    first, second = detect(deployed)
    assert [stack.account for stack in first.drifted] == [C]
    assert [instance.account for instance in (*first.unseen, *second.unseen)] == [B, B]
    assert deployed.operations("ListStackInstanceResourceDrifts") == 1


def test_what_drifted_in_one_stack_is_told_where_another_s_cannot_be_read(deployed: FleetRig) -> None:
    for account in (B, C):
        change_by_hand(deployed, account)
    deployed.world.faults.add(Fault.DENIED, operation="ListStackInstanceResourceDrifts", nth=1)
    first, _ = detect(deployed)
    assert (first.problem, [stack.account for stack in first.drifted]) == ("", [B, C])
    (unread,) = first.unseen
    assert "what drifted in it could not be read: not allowed to call" in unread.reason
    assert sorted(len(stack.resources) for stack in first.drifted) == [0, 1]
