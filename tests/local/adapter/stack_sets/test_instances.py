from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY
from local.adapter.stack_sets.fleet import Fleet, waiting
from local.adapter.stack_sets.organized import Organized


def _overrides(value: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Name", "ParameterValue": value}]


def test_instances_are_stacks_in_each_account_and_region(fleet: Fleet) -> None:
    fleet.create()
    assert fleet.deploy(Regions=[PRIMARY, SECONDARY])["Status"] == "SUCCEEDED"
    for instance in fleet.instances():
        (stack,) = fleet.stacks(instance["Account"], instance["Region"])
        assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("CURRENT", "SUCCEEDED")
        assert instance["StackId"] == stack["StackId"]
        assert stack["StackName"].startswith("StackSet-set-")
    assert len(fleet.instances()) == 4


def test_overrides_hold_until_others_are_said(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy(ParameterOverrides=_overrides("/b"))
    first, second = fleet.targets
    assert fleet.groups(first) == ["/b"]
    places = {"StackSetName": "set", "Accounts": [first], "Regions": [PRIMARY]}
    client = fleet.cloudformation
    for options, expected in (
        ({}, "/b"),
        ({"ParameterOverrides": _overrides("/c")}, "/c"),
        ({"ParameterOverrides": [{"ParameterKey": "Name", "UsePreviousValue": True}]}, "/c"),
        ({"ParameterOverrides": []}, "/a"),
    ):
        fleet.wait(client.update_stack_instances(**places, **options)["OperationId"])
        assert (fleet.groups(first), fleet.groups(second)) == ([expected], ["/b"])
    instance = client.describe_stack_instance(
        StackSetName="set", StackInstanceAccount=second, StackInstanceRegion=PRIMARY
    )["StackInstance"]
    assert instance["ParameterOverrides"] == _overrides("/b")


def test_only_what_is_there_is_updated_or_described(fleet: Fleet) -> None:
    fleet.create()
    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        fleet.cloudformation.update_stack_instances(StackSetName="set", Accounts=[fleet.targets[0]], Regions=[PRIMARY])
    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        fleet.cloudformation.describe_stack_instance(
            StackSetName="set", StackInstanceAccount=fleet.stranger, StackInstanceRegion=PRIMARY
        )


@pytest.mark.parametrize("retain", [False, True])
def test_deleted_instances_leave_their_stacks_only_if_retained(fleet: Fleet, retain: bool) -> None:  # noqa: FBT001
    fleet.create()
    fleet.deploy()
    made = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=list(fleet.targets), Regions=[PRIMARY], RetainStacks=retain
    )
    assert fleet.wait(made["OperationId"])["RetainStacks"] is retain
    assert fleet.instances() == []
    assert [fleet.groups(account) for account in fleet.targets] == ([["/a"], ["/a"]] if retain else [[], []])
    fleet.cloudformation.delete_stack_set(StackSetName="set")


def test_what_is_not_there_is_passed_over_by_a_deletion(fleet: Fleet) -> None:
    fleet.create()
    made = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=[fleet.stranger], Regions=[PRIMARY], RetainStacks=False
    )
    operation = fleet.wait(made["OperationId"])
    assert (operation["Status"], fleet.results(operation)) == ("SUCCEEDED", {})


def test_instances_are_listed_by_place_and_by_filter(fleet: Fleet) -> None:
    fleet.create()
    operation = fleet.deploy(Accounts=[*fleet.targets, fleet.stranger], Regions=[PRIMARY])

    def accounts(**options: Any) -> list[str]:
        return [instance["Account"] for instance in fleet.instances(**options)]

    assert accounts(StackInstanceAccount=fleet.stranger) == [fleet.stranger]
    assert accounts(StackInstanceRegion=SECONDARY) == []
    for name, values, expected in (
        ("DETAILED_STATUS", "FAILED,RUNNING", [fleet.stranger]),
        ("LAST_OPERATION_ID", operation["OperationId"], [*fleet.targets, fleet.stranger]),
        ("DRIFT_STATUS", "DRIFTED", []),
    ):
        assert accounts(Filters=[{"Name": name, "Values": values}]) == expected


def test_one_operation_at_a_time_unless_execution_is_managed(fleet: Fleet) -> None:
    first, second = fleet.targets
    client = fleet.cloudformation
    for name, managed in (("plain", False), ("managed", True)):
        fleet.create(name, TemplateBody=waiting(), ManagedExecution={"Active": managed})
        running = client.create_stack_instances(StackSetName=name, Accounts=[first], Regions=[PRIMARY])["OperationId"]
        request = {"StackSetName": name, "Accounts": [second], "Regions": [PRIMARY]}
        if not managed:
            with pytest.raises(ClientError, match="OperationInProgressException"):
                client.create_stack_instances(**request)
            assert [instance["Account"] for instance in fleet.instances(name)] == [first]
            fleet.signal(first)
            fleet.wait(running, name)
            client.delete_stack_instances(StackSetName=name, Accounts=[first], Regions=[PRIMARY], RetainStacks=False)
            while fleet.instances(name):
                pass
            continue
        queued = client.create_stack_instances(**request)["OperationId"]
        assert fleet.operation(queued, name)["Status"] == "QUEUED"
        fleet.signal(first)
        fleet.signal(second)
        assert fleet.wait(running, name)["EndTimestamp"] <= fleet.wait(queued, name)["EndTimestamp"]


def test_an_operation_id_is_taken_once(fleet: Fleet) -> None:
    fleet.create()
    fleet.deploy(OperationId="mine")
    with pytest.raises(ClientError, match="OperationIdAlreadyExistsException"):
        fleet.deploy(OperationId="mine")


def test_an_account_that_joins_gets_the_stacks_of_all_units_it_is_in(organized: Organized) -> None:
    organized.create()
    organized.deploy()
    account = organized.accounts[0]
    organized.move(account, organized.root, organized.inner)
    assert organized.placed() == {account}
    assert organized.fleet.groups(account) == ["/set"]
    # Still in the outer unit: nothing is to be done.
    organized.move(account, organized.inner, organized.unit)
    assert len(organized.fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]) == 2


@pytest.mark.parametrize("retain", [False, True])
def test_an_account_that_leaves_loses_them_unless_they_are_retained(
    organized: Organized,
    retain: bool,  # noqa: FBT001
) -> None:
    organized.create(retain=retain)
    account = organized.accounts[0]
    organized.move(account, organized.root, organized.unit)
    organized.deploy()
    organized.move(account, organized.unit, organized.root)
    assert organized.placed() == set()
    assert organized.fleet.groups(account) == (["/set"] if retain else [])


def test_a_set_that_depends_on_another_is_deployed_after_it(organized: Organized) -> None:
    first = organized.create("first")
    organized.create("second", DependsOn=[first])
    for name in ("second", "first"):
        organized.deploy(name)
    organized.move(organized.accounts[0], organized.root, organized.unit)
    assert organized.placed("first") == organized.placed("second") == {organized.accounts[0]}
    ended = [
        organized.fleet.cloudformation.list_stack_set_operations(StackSetName=name)["Summaries"][0]["EndTimestamp"]
        for name in ("first", "second")
    ]
    assert ended == sorted(ended)


def test_the_management_account_and_sets_without_automatic_deployment_stay_as_they_are(organized: Organized) -> None:
    organized.create(Enabled=False)
    organized.deploy()
    organized.move(organized.accounts[0], organized.root, organized.unit)
    organized.move(organized.fleet.admin.id, organized.root, organized.unit)
    assert organized.placed() == set()
