"""Stacks taken into a StackSet: what is, what is not, and that nothing in them changes."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Organization, World
from fake_aws.organizations.records import ROOT

ADMIN, A, B = "111122223333", "444455556666", "555566667777"
WEST = "us-west-2"
BODY = "Parameters: {Name: {Type: String, Default: one}}\nResources: {Topic: {Type: AWS::SNS::Topic}}"
OTHER = BODY.replace("Topic: {Type: AWS::SNS::Topic}", "Queue: {Type: AWS::SQS::Queue}")
SECRET = BODY.replace("Type: String", "Type: String, NoEcho: true")
SET = "net"


@pytest.fixture
def world() -> World:
    return World(page_size=20)


def admin(world: World) -> Any:
    return world.session(ADMIN).client("cloudformation", WEST)


def made(world: World, body: str = BODY, **more: Any) -> Any:
    """The administrator's client, a set there."""
    client = admin(world)
    client.create_stack_set(StackSetName=SET, TemplateBody=body, **more)
    return client


def stack(world: World, account: str = A, body: str = BODY, **more: Any) -> str:
    return world.stack("kept", account=account, region=WEST).deploy(body, **more).id


def imported(world: World, client: Any, *ids: str, **more: Any) -> list[dict[str, Any]]:
    client.import_stacks_to_stack_set(StackSetName=SET, StackIds=list(ids), **more)
    world.settle()
    return list(client.list_stack_instances(StackSetName=SET)["Summaries"])


def test_a_stack_becomes_an_instance_and_nothing_in_it_changes(world: World) -> None:
    client = made(world)
    kept = stack(world, parameters={"Name": "own"})
    record = world.stack("kept", account=A, region=WEST).record
    before = (record.status, len(record.events), record.deployed.parameters)
    (instance,) = imported(world, client, kept)
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"], instance["StackId"]) == (
        "CURRENT",
        "SUCCEEDED",
        kept,
    )
    assert (record.status, len(record.events), record.deployed.parameters) == before
    shown = client.describe_stack_instance(StackSetName=SET, StackInstanceAccount=A, StackInstanceRegion=WEST)
    assert shown["StackInstance"]["ParameterOverrides"] == [{"ParameterKey": "Name", "ParameterValue": "own"}]


def test_an_update_without_parameters_brings_it_up_to_its_set(world: World) -> None:
    client = made(world)
    imported(world, client, stack(world, parameters={"Name": "own"}))
    client.update_stack_instances(StackSetName=SET, Accounts=[A], Regions=[WEST], ParameterOverrides=[])
    world.settle()
    assert world.stack("kept", account=A, region=WEST).record.deployed.parameters == {"Name": "one"}


REASONS = {
    "is not the StackSet's": (BODY, OTHER),
    "has a NoEcho parameter": (SECRET, SECRET),
}


@pytest.mark.parametrize("reason", list(REASONS))
def test_what_does_not_fit_fails_and_is_left_alone(world: World, reason: str) -> None:
    of_set, body = REASONS[reason]
    client = made(world, of_set)
    (instance,) = imported(world, client, stack(world, body=body))
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "FAILED_IMPORT")
    assert reason in instance["StatusReason"]
    assert world.stack("kept", account=A, region=WEST).status == "CREATE_COMPLETE"


def test_one_that_is_at_work_or_belongs_to_another_set_is_not_taken_in_and_may_be_tried_again(world: World) -> None:
    client = made(world)
    client.create_stack_set(StackSetName="other", TemplateBody=BODY)
    kept = stack(world)
    client.import_stacks_to_stack_set(StackSetName="other", StackIds=[kept])
    world.settle()
    (instance,) = imported(world, client, kept)
    assert "belongs to a StackSet" in instance["StatusReason"]
    client.delete_stack_instances(StackSetName="other", Accounts=[A], Regions=[WEST], RetainStacks=True)
    world.settle()
    (instance,) = imported(world, client, kept)
    assert instance["Status"] == "CURRENT"
    client.delete_stack_instances(StackSetName=SET, Accounts=[A], Regions=[WEST], RetainStacks=True)
    world.settle()
    world.stack("kept", account=A, region=WEST).put("UPDATE_ROLLBACK_FAILED")
    (instance,) = imported(world, client, kept)
    assert "UPDATE_ROLLBACK_FAILED" in instance["StatusReason"]


def refused(client: Any, *ids: str, **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        client.import_stacks_to_stack_set(StackSetName=SET, StackIds=list(ids), **more)
    return str(caught.value.response["Error"]["Code"])


def test_what_is_refused(world: World) -> None:
    client = made(world)
    kept = stack(world)
    assert refused(client, *[kept] * 11) == "LimitExceededException"
    assert refused(client, kept[:-1]) == "StackNotFoundException"
    assert refused(client, kept, OrganizationalUnitIds=[ROOT]) == "ValidationError"
    imported(world, client, kept, OperationId="once")
    assert refused(client, kept, OperationId="once") == "OperationIdAlreadyExistsException"
    assert refused(client, kept) == "InvalidOperationException"


def test_a_service_managed_set_takes_it_by_its_unit(world: World) -> None:
    world.organization = Organization(ADMIN, unit_of={A: ROOT, B: ROOT})
    unit = world.organization.unit("one", A)
    client = made(world, PermissionModel="SERVICE_MANAGED", AutoDeployment={"Enabled": False})
    kept = stack(world)
    assert refused(client, kept) == "ValidationError"
    assert refused(client, stack(world, B), OrganizationalUnitIds=[unit]) == "ValidationError"
    (instance,) = imported(world, client, kept, OrganizationalUnitIds=[unit])
    assert (instance["Status"], instance["OrganizationalUnitId"]) == ("CURRENT", unit)


def test_where_stack_sets_cannot_go_nothing_is_taken_in(world: World) -> None:
    client = made(world)
    world.forbidden_roles.add(f"arn:aws:iam::{A}:role/AWSCloudFormationStackSetExecutionRole")
    (instance,) = imported(world, client, stack(world))
    assert "should have" in instance["StatusReason"]
