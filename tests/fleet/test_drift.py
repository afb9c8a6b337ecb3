import asyncio

import pytest

from builder.deploy.progress import Waiting
from builder.fleet import SetDrift, detect_drift
from builder.fleet.progress import SetProgress
from fake_aws import Fault
from fleet.inventory import take_inventory
from fleet.rig import CHANGED, STORAGE, FleetRig, two_sets
from fleet.scene import ACCOUNTS, WEST, stack_set

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
