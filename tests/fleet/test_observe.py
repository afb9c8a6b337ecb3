from collections.abc import Callable
from typing import Any

import pytest

from builder.errors import AwsError
from builder.fleet.observe import observe_instances, observe_operations, observe_results, observe_set
from fake_aws import Fault
from fleet.rig import BODY, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, WEST, accounts, sites, stack_set

SET, NONE = stack_set(STORAGE), stack_set("us-west-2/none")


def test_a_set_is_seen_with_its_body_parameters_and_instances_over_all_pages() -> None:
    rig = FleetRig()
    rig.world.page_size = 2
    rig.deploy()
    observed = rig.run(lambda: observe_set(rig.clients, SET))
    assert observed is not None
    assert (observed.body, observed.parameters) == (BODY, {"EnvironmentSuffix": "dev"})
    assert sorted(instance.site for instance in observed.instances) == sorted(sites(WEST, *ACCOUNTS))
    assert all(f":{instance.site.account}:" in instance.stack for instance in observed.instances)
    assert observed.overrides == ()


def test_a_set_that_is_not_there_has_nothing(rig: FleetRig) -> None:
    assert rig.run(lambda: observe_set(rig.clients, NONE)) is None
    assert rig.run(lambda: observe_instances(rig.clients, NONE)) == ()
    assert rig.run(lambda: observe_operations(rig.clients, NONE)) == ()


def test_parameters_of_an_instance_s_own_are_read_up_to_a_number_or_when_asked_for(deployed: FleetRig) -> None:
    deployed.clients.cloudformation(WEST).update_stack_instances(
        StackSetName=SET.name,
        Accounts=[ACCOUNTS[0]],
        Regions=[WEST],
        ParameterOverrides=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "own"}],
    )
    deployed.world.settle()
    observed = deployed.run(lambda: observe_set(deployed.clients, SET))
    assert observed is not None
    assert [(override.site.account, override.parameters) for override in observed.overrides] == [
        (ACCOUNTS[0], {"EnvironmentSuffix": "own"})
    ]


def test_operations_come_newest_first_with_how_they_went_in_each_account(deployed: FleetRig) -> None:
    operations = deployed.run(lambda: observe_operations(deployed.clients, SET))
    assert [(operation.action, operation.status, operation.ended) for operation in operations] == [
        ("CREATE", "SUCCEEDED", True)
    ]
    results = deployed.run(lambda: observe_results(deployed.clients, SET, operations[0].id))
    assert {result.status for result in results} == {"SUCCEEDED"}
    assert len(results) == 3


@pytest.mark.slow
def test_of_many_instances_their_own_parameters_are_read_only_when_asked_for(rig: FleetRig) -> None:
    rig.world.page_size = 100
    many = [str(444400000000 + number) for number in range(101)]
    rig.deploy(two_sets(targets=accounts(*many), MaxConcurrentCount=101, FailureToleranceCount=100))
    observed = rig.run(lambda: observe_set(rig.clients, SET))
    assert observed is not None
    assert not observed.overrides_known
    assert rig.operations("DescribeStackInstance") == 0
    observed = rig.run(lambda: observe_set(rig.clients, SET, all_overrides=True))
    assert observed is not None
    assert observed.overrides_known
    assert rig.operations("DescribeStackInstance") == 101


@pytest.mark.parametrize(
    ("operation", "observe"),
    [
        ("DescribeStackSet", observe_set),
        ("ListStackInstances", observe_instances),
        ("ListStackSetOperations", observe_operations),
    ],
)
def test_another_refusal_is_told(deployed: FleetRig, operation: str, observe: Callable[..., Any]) -> None:
    deployed.world.faults.add(Fault.DENIED, operation=operation)
    with pytest.raises(AwsError, match=f"not allowed to call {operation}"):
        deployed.run(lambda: observe(deployed.clients, SET))
