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
    found = rig.run(lambda: observe_set(rig.clients, SET))
    assert found is not None
    assert (found.body, found.parameters) == (BODY, {"EnvironmentSuffix": "dev"})
    assert sorted(one.site for one in found.instances) == sorted(sites(WEST, *ACCOUNTS))
    assert all(f":{one.site.account}:" in one.stack for one in found.instances)
    assert found.overrides == ()


def test_a_set_that_is_not_there_has_nothing(rig: FleetRig) -> None:
    assert rig.run(lambda: observe_set(rig.clients, NONE)) is None
    assert rig.run(lambda: observe_instances(rig.clients, NONE)) == ()
    assert rig.run(lambda: observe_operations(rig.clients, NONE)) == ()


def test_parameters_of_an_instance_s_own_are_read_up_to_a_number_or_when_asked_for(standing: FleetRig) -> None:
    standing.clients.cloudformation(WEST).update_stack_instances(
        StackSetName=SET.name,
        Accounts=[ACCOUNTS[0]],
        Regions=[WEST],
        ParameterOverrides=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "own"}],
    )
    standing.world.settle()
    found = standing.run(lambda: observe_set(standing.clients, SET))
    assert found is not None
    assert [(one.site.account, one.parameters) for one in found.overrides] == [
        (ACCOUNTS[0], {"EnvironmentSuffix": "own"})
    ]


def test_operations_come_newest_first_with_how_they_went_in_each_account(standing: FleetRig) -> None:
    operations = standing.run(lambda: observe_operations(standing.clients, SET))
    assert [(one.action, one.status, one.ended) for one in operations] == [("CREATE", "SUCCEEDED", True)]
    results = standing.run(lambda: observe_results(standing.clients, SET, operations[0].id))
    assert {one.status for one in results} == {"SUCCEEDED"}
    assert len(results) == 3


@pytest.mark.slow
def test_of_many_instances_their_own_parameters_are_read_only_when_asked_for(rig: FleetRig) -> None:
    rig.world.page_size = 100
    many = [str(444400000000 + number) for number in range(101)]
    rig.deploy(two_sets(targets=accounts(*many), MaxConcurrentCount=101, FailureToleranceCount=100))
    found = rig.run(lambda: observe_set(rig.clients, SET))
    assert found is not None
    assert not found.overrides_known
    assert rig.operations("DescribeStackInstance") == 0
    found = rig.run(lambda: observe_set(rig.clients, SET, all_overrides=True))
    assert found is not None
    assert found.overrides_known
    assert rig.operations("DescribeStackInstance") == 101


@pytest.mark.parametrize(
    ("operation", "look"),
    [
        ("DescribeStackSet", observe_set),
        ("ListStackInstances", observe_instances),
        ("ListStackSetOperations", observe_operations),
    ],
)
def test_another_refusal_is_told(standing: FleetRig, operation: str, look: Callable[..., Any]) -> None:
    standing.world.faults.add(Fault.DENIED, operation=operation)
    with pytest.raises(AwsError, match=f"not allowed to call {operation}"):
        standing.run(lambda: look(standing.clients, SET))
