from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY
from local.adapter.stack_sets.fleet import Fleet
from local.adapter.stack_sets.organized import Organized


@pytest.mark.parametrize(
    ("filter_type", "named", "expected"),
    [
        ("NONE", [], [0, 1]),
        ("INTERSECTION", [1, 2], [1]),
        ("DIFFERENCE", [1, 2], [0]),
        ("UNION", [2], [0, 1, 2]),
    ],
)
def test_the_filter_says_which_accounts(
    organized: Organized, filter_type: str, named: list[int], expected: list[int]
) -> None:
    for account in organized.accounts[:2]:
        organized.move(account, organized.root, organized.unit)
    organized.create()
    accounts: dict[str, Any] = {"Accounts": [organized.accounts[number] for number in named]} if named else {}
    organized.deploy(AccountFilterType=filter_type, **accounts)
    assert organized.placed() == {organized.accounts[number] for number in expected}
    units = {instance["Account"]: instance["OrganizationalUnitId"] for instance in organized.fleet.instances()}
    for account in organized.placed() - {organized.accounts[2]}:
        assert units[account] == organized.unit
    assert units.get(organized.accounts[2], organized.root) == organized.root


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"Regions": [PRIMARY]}, "At least one account"),
        ({"Accounts": ["111122223333"], "Regions": []}, "At least one region"),
        ({"DeploymentTargets": {"AccountsUrl": "s3://bucket/key"}, "Regions": [PRIMARY]}, "reads no list of accounts"),
        (
            {"DeploymentTargets": {"OrganizationalUnitIds": ["ou-abcd-12345678"]}, "Regions": [PRIMARY]},
            "can only have accounts as target",
        ),
    ],
)
def test_a_self_managed_set_is_deployed_to_accounts(fleet: Fleet, targets: dict[str, Any], message: str) -> None:
    fleet.create()
    with pytest.raises(ClientError, match=message):
        fleet.cloudformation.create_stack_instances(StackSetName="set", **targets)


def test_accounts_may_be_named_as_deployment_targets(fleet: Fleet) -> None:
    fleet.create()
    made = fleet.cloudformation.create_stack_instances(
        StackSetName="set", DeploymentTargets={"Accounts": list(fleet.targets)}, Regions=[PRIMARY]
    )
    operation = fleet.wait(made["OperationId"])
    assert operation["DeploymentTargets"] == {"Accounts": list(fleet.targets)}
    assert operation["Status"] == "SUCCEEDED"


def test_a_service_managed_set_is_deployed_to_units(organized: Organized) -> None:
    organized.create()
    with pytest.raises(ClientError, match="can only have OrganizationalUnit as target"):
        organized.fleet.deploy(Accounts=list(organized.accounts))


def test_units_are_remembered_until_their_last_region_is_deleted(organized: Organized) -> None:
    organized.create()
    organized.deploy()
    client, targets = organized.fleet.cloudformation, {"OrganizationalUnitIds": [organized.unit]}
    listed = client.list_stack_set_auto_deployment_targets(StackSetName="set")["Summaries"]
    assert listed == [{"OrganizationalUnitId": organized.unit, "Regions": [PRIMARY]}]
    made = client.delete_stack_instances(
        StackSetName="set", DeploymentTargets=targets, Regions=[PRIMARY], RetainStacks=False
    )
    organized.fleet.wait(made["OperationId"])
    assert client.list_stack_set_auto_deployment_targets(StackSetName="set")["Summaries"] == []
