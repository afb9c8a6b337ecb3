from collections.abc import Sequence

import pytest

from builder.deploy.progress import Waiting
from builder.errors import AwsError
from builder.fleet.observe import SetWatch
from builder.fleet.operation import create_instances, delete_instances, make_batches, update_instances
from builder.fleet.records import InstanceOverride, TargetedSite
from fake_aws import Fault
from fleet.rig import CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, WEST, instance, places, sites, stack_set

A, B, C = ACCOUNTS


def test_accounts_that_are_meant_in_the_same_regions_go_in_one_call() -> None:
    meant = [instance(A), instance(B), instance(A, "us-east-1"), instance(C)]
    assert make_batches(stack_set(), meant) == (
        {"Regions": ["us-east-1", "us-west-2"], "Accounts": [A]},
        {"Regions": ["us-west-2"], "Accounts": [B, C]},
    )
    assert make_batches(stack_set(), []) == ()


def test_a_service_managed_set_wants_the_units_that_the_accounts_came_by() -> None:
    meant = [instance(A, unit="ou-2"), instance(B, unit="ou-1")]
    (batch,) = make_batches(stack_set(is_service_managed=True), meant)
    assert batch["DeploymentTargets"] == {
        "Accounts": [A, B],
        "OrganizationalUnitIds": ["ou-1", "ou-2"],
        "AccountFilterType": "INTERSECTION",
    }
    assert "Accounts" not in batch


@pytest.mark.slow
def test_another_operation_on_the_set_is_waited_for_and_named(deployed: FleetRig) -> None:
    deployed.deploy(two_sets(managed=False))  # else CloudFormation queues the second by itself
    deployed.world.script.takes(60, action="UPDATE", resource="Topic")
    client = deployed.clients.cloudformation(WEST)
    set_ = stack_set(STORAGE)
    client.update_stack_set(
        StackSetName=set_.name,
        TemplateBody=CHANGED,
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
    )
    watch = SetWatch(deployed.clients, deployed.events.append)

    async def work() -> None:
        await watch.begin([set_])
        (ended,) = await update_instances(watch, set_, [instance(A)], "run")
        assert ended.status == "SUCCEEDED"

    deployed.run(work)
    assert [event.status for event in deployed.events_of(Waiting)] == ["RUNNING"]


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.THROTTLE])
def test_an_operation_is_begun_once_whatever_became_of_the_answer(deployed: FleetRig, fault: Fault) -> None:
    deployed.world.faults.add(fault, operation="DeleteStackInstances", nth=1)
    watch, set_ = SetWatch(deployed.clients, deployed.events.append), stack_set(STORAGE)

    async def work() -> None:
        await watch.begin([set_])
        meant = [instance(A), instance(B)]
        (ended,) = await delete_instances(watch, set_, meant, "run", retain=True)
        assert ended.status == "SUCCEEDED"

    deployed.run(work)
    assert [instance.site.account for instance in deployed.instances()] == [C]


def test_a_stack_is_created_in_just_the_places_that_are_meant(deployed: FleetRig) -> None:
    watch, set_ = SetWatch(deployed.clients, deployed.events.append), stack_set(STORAGE)
    new = "777788889999"

    async def work() -> None:
        await watch.begin([set_])
        (ended,) = await create_instances(watch, set_, places(WEST, new), "run")
        assert ended.status == "SUCCEEDED"

    deployed.run(work)
    assert {instance.site.account for instance in deployed.instances()} == {*ACCOUNTS, new}


def test_another_refusal_is_told(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="UpdateStackInstances")
    watch = SetWatch(deployed.clients, deployed.events.append)
    with pytest.raises(AwsError, match="not allowed to call UpdateStackInstances"):
        deployed.run(lambda: update_instances(watch, stack_set(STORAGE), [instance(A)], "run"))


@pytest.mark.slow
def test_a_run_that_goes_on_with_what_is_left_begins_an_operation_of_its_own(deployed: FleetRig) -> None:
    watch, set_ = SetWatch(deployed.clients, deployed.events.append), stack_set(STORAGE)
    news = ("777788889999", "888899990000", "999900001111")
    given = [
        InstanceOverride(site=site, parameters={"EnvironmentSuffix": str(site.account)}) for site in sites(WEST, *news)
    ]
    targets = places(WEST, *news)

    async def work(places: Sequence[TargetedSite]) -> list[str]:
        return [operation.id for operation in await create_instances(watch, set_, places, "run", given)]

    (first,) = deployed.run(lambda: work(targets[:1]))
    rest = deployed.run(lambda: work(targets[1:]))
    assert len({first, *rest}) == 3
    assert {instance.site.account for instance in deployed.instances()} == {*ACCOUNTS, *news}
    # The same again is the same.
    assert deployed.run(lambda: work(targets)) == [first, *rest]
    assert deployed.operations("CreateStackInstances") == 6
    assert len({instance.operation for instance in deployed.instances()} - {first, *rest}) == 1
