from builder.fleet import observe
from builder.fleet.observe import observe_instances, observe_operations, observe_results, observe_set
from fleet.rig import BODY, STORAGE, FleetRig
from fleet.scene import ACCOUNTS, WEST, sites, stack_set

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
    assert observe.OVERRIDES_READ == 100


def test_operations_come_newest_first_with_how_they_went_in_each_account(standing: FleetRig) -> None:
    operations = standing.run(lambda: observe_operations(standing.clients, SET))
    assert [(one.action, one.status, one.ended) for one in operations] == [("CREATE", "SUCCEEDED", True)]
    results = standing.run(lambda: observe_results(standing.clients, SET, operations[0].id))
    assert {one.status for one in results} == {"SUCCEEDED"}
    assert len(results) == 3
