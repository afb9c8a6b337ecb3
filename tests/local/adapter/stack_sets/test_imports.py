import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY
from local.adapter.stack_sets.fleet import Fleet, template
from local.adapter.stack_sets.organized import Organized


def _retained(fleet: Fleet) -> list[str]:
    """The ids of the stacks that a set has left behind in its targets."""
    fleet.create()
    fleet.deploy()
    ids = [str(instance["StackId"]) for instance in fleet.instances()]
    gone = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=list(fleet.targets), Regions=[PRIMARY], RetainStacks=True
    )
    fleet.wait(gone["OperationId"])
    return ids


def test_an_import_touches_no_stack(fleet: Fleet) -> None:
    ids = _retained(fleet)
    before = [fleet.stacks(account) for account in fleet.targets]
    made = fleet.cloudformation.import_stacks_to_stack_set(StackSetName="set", StackIds=ids, OperationId="once")
    assert made["OperationId"] == "once"
    assert fleet.wait("once")["Status"] == "SUCCEEDED"
    assert [fleet.stacks(account) for account in fleet.targets] == before
    assert sorted(str(instance["StackId"]) for instance in fleet.instances()) == sorted(ids)


def _refused(fleet: Fleet, *ids: str, **more: object) -> str:
    with pytest.raises(ClientError) as caught:
        fleet.cloudformation.import_stacks_to_stack_set(StackSetName="set", StackIds=list(ids), **more)
    return str(caught.value.response["Error"]["Code"])


def test_what_cannot_be_asked_for_is_refused(fleet: Fleet) -> None:
    first, _ = _retained(fleet)
    assert _refused(fleet, *[first] * 11) == "LimitExceededException"
    assert _refused(fleet, f"{first}0") == "StackNotFoundException"
    assert _refused(fleet, "set") == "StackNotFoundException"
    assert _refused(fleet, first, OrganizationalUnitIds=["ou-abcd-00000000"]) == "ValidationError"
    with pytest.raises(ClientError, match="no list of stacks"):
        fleet.cloudformation.import_stacks_to_stack_set(StackSetName="set", StackIdsUrl="https://example.com/list")


def test_what_hides_a_parameter_or_is_gone_on_from_fails_and_stays(fleet: Fleet) -> None:
    hidden = template().replace('"Type": "String"', '"Type": "String", "NoEcho": true', 1)
    fleet.create(TemplateBody=hidden)
    account = fleet.targets[0]
    made = fleet.client("cloudformation", account).create_stack(StackName="own", TemplateBody=hidden)
    operation = fleet.cloudformation.import_stacks_to_stack_set(StackSetName="set", StackIds=[made["StackId"]])
    assert fleet.wait(operation["OperationId"])["Status"] == "FAILED"
    (instance,) = fleet.instances()
    assert instance["StackInstanceStatus"]["DetailedStatus"] == "FAILED_IMPORT"
    assert [stack["StackName"] for stack in fleet.stacks(account)] == ["own"]


def test_a_set_of_an_organization_takes_one_in_by_its_unit(organized: Organized) -> None:
    account, fleet = organized.accounts[0], organized.fleet
    organized.move(account, organized.root, organized.unit)
    organized.create(retain=True)
    organized.deploy()
    (instance,) = fleet.instances()
    organized.move(account, organized.unit, organized.root)
    organized.await_true(lambda: not fleet.instances())
    assert _refused(fleet, instance["StackId"]) == "ValidationError"
    assert _refused(fleet, instance["StackId"], OrganizationalUnitIds=[organized.unit]) == "ValidationError"
    organized.move(account, organized.root, organized.unit)
    organized.await_true(lambda: [instance["Status"] for instance in fleet.instances()] == ["OUTDATED"])
    assert organized.placed() == set()
    (failed,) = fleet.instances()
    assert "already exists" in failed["StatusReason"]
    gone = fleet.cloudformation.delete_stack_instances(
        StackSetName="set",
        DeploymentTargets={"OrganizationalUnitIds": [organized.unit]},
        Regions=[PRIMARY],
        RetainStacks=True,
    )
    fleet.wait(gone["OperationId"])
    made = fleet.cloudformation.import_stacks_to_stack_set(
        StackSetName="set", StackIds=[instance["StackId"]], OrganizationalUnitIds=[organized.unit]
    )
    assert fleet.wait(made["OperationId"])["Status"] == "SUCCEEDED"
    (back,) = fleet.instances()
    assert (back["OrganizationalUnitId"], back["StackId"]) == (organized.unit, instance["StackId"])
