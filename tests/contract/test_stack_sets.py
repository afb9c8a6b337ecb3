"""What a fleet relies on of StackSets, wherever it runs."""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.stand_ins import StandIn

GROUP = json.dumps(
    {
        "Parameters": {"Name": {"Type": "String", "Default": "/contract/a"}},
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}}}},
        "Outputs": {"Group": {"Value": {"Ref": "Group"}}},
    }
)
OTHER = GROUP.replace("/contract/a", "/contract/b")
PREFERENCES = {"FailureToleranceCount": 1, "MaxConcurrentCount": 2}


def role(name: str, principal: dict[str, str]) -> str:
    """Return the template of a named role that this principal may assume."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"RoleName": name, "AssumeRolePolicyDocument": policy}
    return json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}})


@dataclass(frozen=True)
class Fleet:
    """An administrator of StackSets, two accounts that let it in, and a stranger that does not."""

    aws: StandIn

    @property
    def cfn(self) -> Any:
        return self.aws.client("cloudformation")

    @property
    def accounts(self) -> list[str]:
        return [f"{(int(self.aws.account) + number) % 10**12:012d}" for number in (1, 2)]

    @property
    def stranger(self) -> str:
        return f"{(int(self.aws.account) + 3) % 10**12:012d}"

    def trust(self, account: str) -> None:
        principal = {"AWS": f"arn:aws:iam::{self.aws.account}:root"}
        self.deploy(account, role("AWSCloudFormationStackSetExecutionRole", principal))

    def deploy(self, account: str, body: str, stack: str = "roles", kind: str = "CREATE") -> str:
        client, name = self.aws.client("cloudformation", account=account), f"made-{time.monotonic_ns()}"
        made = client.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=body,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.aws.settle()
        client.execute_change_set(ChangeSetName=made["Id"], DisableRollback=True)
        self.aws.settle()
        return str(client.describe_stacks(StackName=made["StackId"])["Stacks"][0]["StackStatus"])

    def define(self) -> None:
        """Make a StackSet of one log group, without instances."""
        self.cfn.create_stack_set(StackSetName="net", TemplateBody=GROUP)

    def over(self, operation: dict[str, str]) -> str:
        """Wait until an operation is over; returns its status."""
        deadline = time.monotonic() + 20
        while True:
            self.aws.settle()
            answer = self.cfn.describe_stack_set_operation(StackSetName="net", OperationId=operation["OperationId"])
            status = str(answer["StackSetOperation"]["Status"])
            if status not in {"QUEUED", "RUNNING", "STOPPING"}:
                return status
            assert time.monotonic() < deadline, "the operation does not end"
            time.sleep(0.05)

    def create(self, accounts: list[str], **more: object) -> dict[str, str]:
        operation: dict[str, str] = self.cfn.create_stack_instances(
            StackSetName="net", Accounts=accounts, Regions=["us-west-2"], **more
        )
        self.over(operation)
        return operation

    def instances(self) -> dict[str, dict[str, Any]]:
        pages = self.cfn.get_paginator("list_stack_instances").paginate(StackSetName="net")
        return {each["Account"]: each for page in pages for each in page["Summaries"]}

    def output(self, account: str) -> str:
        """Return what an instance's stack says in its own account."""
        client = self.aws.client("cloudformation", "us-west-2", account)
        (stack,) = client.describe_stacks(StackName=self.instances()[account]["StackId"])["Stacks"]
        return str(stack["Outputs"][0]["OutputValue"])


@pytest.fixture
def fleet(aws: StandIn) -> Fleet:
    """Roles of an administrator and of two accounts."""
    made = Fleet(aws)
    service = {"Service": "cloudformation.amazonaws.com"}
    made.deploy(aws.account, role("AWSCloudFormationStackSetAdministrationRole", service))
    for account in made.accounts:
        made.trust(account)
    return made


def statuses(fleet: Fleet) -> dict[str, tuple[str, str]]:
    return {
        account: (each["Status"], each["StackInstanceStatus"]["DetailedStatus"])
        for account, each in fleet.instances().items()
    }


def test_an_instance_is_a_stack_that_its_own_account_reads(fleet: Fleet) -> None:
    fleet.define()
    fleet.create(fleet.accounts, OperationPreferences=PREFERENCES)
    assert set(statuses(fleet).values()) == {("CURRENT", "SUCCEEDED")}
    assert [fleet.output(account) for account in fleet.accounts] == ["/contract/a", "/contract/a"]


def test_an_account_without_the_role_fails_and_the_rest_is_cancelled(fleet: Fleet) -> None:
    fleet.define()
    operation = fleet.create([fleet.stranger, *fleet.accounts])
    assert fleet.over(operation) == "FAILED"
    pages = fleet.cfn.get_paginator("list_stack_set_operation_results").paginate(
        StackSetName="net", OperationId=operation["OperationId"]
    )
    results = {each["Account"]: each for page in pages for each in page["Summaries"]}
    assert [results[account]["Status"] for account in (fleet.stranger, *fleet.accounts)] == [
        "FAILED",
        "CANCELLED",
        "CANCELLED",
    ]
    assert results[fleet.stranger]["StatusReason"] == (
        f"Account {fleet.stranger} should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to"
        " Role 'AWSCloudFormationStackSetAdministrationRole'."
    )


def test_within_the_tolerance_the_failed_instance_alone_is_repaired(fleet: Fleet) -> None:
    fleet.define()
    operation = fleet.create([fleet.stranger, *fleet.accounts], OperationPreferences=PREFERENCES)
    assert fleet.over(operation) == "SUCCEEDED"
    assert statuses(fleet)[fleet.stranger] == ("OUTDATED", "FAILED")
    fleet.trust(fleet.stranger)
    repair = fleet.cfn.update_stack_instances(StackSetName="net", Accounts=[fleet.stranger], Regions=["us-west-2"])
    assert fleet.over(repair) == "SUCCEEDED"
    assert {each["LastOperationId"] for each in fleet.instances().values()} == {
        operation["OperationId"],
        repair["OperationId"],
    }
    assert set(statuses(fleet).values()) == {("CURRENT", "SUCCEEDED")}


def test_an_update_reaches_every_stack_and_keeps_overrides(fleet: Fleet) -> None:
    fleet.define()
    own = [{"ParameterKey": "Name", "ParameterValue": "/contract/own"}]
    fleet.create(fleet.accounts[:1])
    fleet.create(fleet.accounts[1:], ParameterOverrides=own)
    updated = fleet.cfn.update_stack_set(StackSetName="net", TemplateBody=OTHER, OperationPreferences=PREFERENCES)
    assert fleet.over(updated) == "SUCCEEDED"
    assert [fleet.output(account) for account in fleet.accounts] == ["/contract/b", "/contract/own"]
    shown = fleet.cfn.describe_stack_set(StackSetName="net")["StackSet"]["TemplateBody"]
    assert shown == OTHER


def test_a_set_with_instances_is_not_deleted(fleet: Fleet) -> None:
    fleet.define()
    fleet.create(fleet.accounts[:1])
    with pytest.raises(ClientError) as refused:
        fleet.cfn.delete_stack_set(StackSetName="net")
    assert refused.value.response["Error"]["Code"] == "StackSetNotEmptyException"
    gone = fleet.cfn.delete_stack_instances(
        StackSetName="net", Accounts=fleet.accounts[:1], Regions=["us-west-2"], RetainStacks=False
    )
    assert fleet.over(gone) == "SUCCEEDED"
    fleet.cfn.delete_stack_set(StackSetName="net")
    assert fleet.aws.client("cloudformation", "us-west-2", fleet.accounts[0]).describe_stacks()["Stacks"] == []


def test_what_is_not_there_is_refused_by_its_own_code(fleet: Fleet) -> None:
    fleet.define()
    place = {"Accounts": fleet.accounts[:1], "Regions": ["us-west-2"]}
    instance = {"StackInstanceAccount": fleet.accounts[0], "StackInstanceRegion": "us-west-2"}
    for call, params, code in (
        (fleet.cfn.describe_stack_set, {"StackSetName": "none"}, "StackSetNotFoundException"),
        (fleet.cfn.update_stack_instances, {"StackSetName": "net", **place}, "StackInstanceNotFoundException"),
        (fleet.cfn.describe_stack_instance, {"StackSetName": "net", **instance}, "StackInstanceNotFoundException"),
        (
            fleet.cfn.describe_stack_set_operation,
            {"StackSetName": "net", "OperationId": "none"},
            "OperationNotFoundException",
        ),
    ):
        with pytest.raises(ClientError) as refused:
            call(**params)
        assert refused.value.response["Error"]["Code"] == code


def resource(accounts: list[str], body: str) -> str:
    """Return a template with the StackSet as a resource."""
    group = {"DeploymentTargets": {"Accounts": accounts}, "Regions": ["us-west-2"]}
    properties = {
        "StackSetName": "net",
        "PermissionModel": "SELF_MANAGED",
        "TemplateBody": body,
        "OperationPreferences": PREFERENCES,
        "StackInstancesGroup": [group],
    }
    return json.dumps({"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}})


def test_a_resource_makes_changes_and_deletes_its_instances(fleet: Fleet) -> None:
    first, second = fleet.accounts
    assert fleet.deploy(fleet.aws.account, resource([first], GROUP), "fleet") == "CREATE_COMPLETE"
    assert fleet.output(first) == "/contract/a"
    assert fleet.deploy(fleet.aws.account, resource([first, second], OTHER), "fleet", "UPDATE") == "UPDATE_COMPLETE"
    assert [fleet.output(account) for account in (first, second)] == ["/contract/b", "/contract/b"]
    fleet.cfn.delete_stack(StackName="fleet")
    fleet.aws.settle()
    assert fleet.cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == []
    for account in (first, second):
        assert fleet.aws.client("cloudformation", "us-west-2", account).describe_stacks()["Stacks"] == []


def retained(fleet: Fleet) -> str:
    """Return the stack of an account that has left its set with it."""
    account = fleet.accounts[0]
    fleet.define()
    fleet.create([account])
    stack = str(fleet.instances()[account]["StackId"])
    gone = fleet.cfn.delete_stack_instances(
        StackSetName="net", Accounts=[account], Regions=["us-west-2"], RetainStacks=True
    )
    assert fleet.over(gone) == "SUCCEEDED"
    assert fleet.instances() == {}
    return stack


@pytest.mark.slow
def test_a_stack_that_was_retained_is_imported_and_takes_no_other_parameters_until_it_is_told(fleet: Fleet) -> None:
    account, stack = fleet.accounts[0], retained(fleet)
    imported = fleet.cfn.import_stacks_to_stack_set(StackSetName="net", StackIds=[stack])
    assert fleet.over(imported) == "SUCCEEDED"
    assert statuses(fleet) == {account: ("CURRENT", "SUCCEEDED")}
    assert fleet.instances()[account]["StackId"] == stack
    with pytest.raises(ClientError) as refused:
        fleet.cfn.import_stacks_to_stack_set(StackSetName="net", StackIds=[stack])
    assert refused.value.response["Error"]["Code"] == "InvalidOperationException"
    parameters = [{"ParameterKey": "Name", "ParameterValue": "/contract/b"}]
    update = fleet.cfn.update_stack_set(StackSetName="net", TemplateBody=GROUP, Parameters=parameters)
    assert fleet.over(update) == "SUCCEEDED"
    assert fleet.output(account) == "/contract/a"
    reset = fleet.cfn.update_stack_instances(
        StackSetName="net", Accounts=[account], Regions=["us-west-2"], ParameterOverrides=[]
    )
    assert fleet.over(reset) == "SUCCEEDED"
    assert fleet.output(account) == "/contract/b"


@pytest.mark.slow
def test_a_stack_that_does_not_fit_fails_to_be_imported_and_may_be_tried_again(fleet: Fleet) -> None:
    account, stack = fleet.accounts[0], retained(fleet)
    fleet.over(fleet.cfn.update_stack_set(StackSetName="net", TemplateBody=OTHER))
    imported = fleet.cfn.import_stacks_to_stack_set(StackSetName="net", StackIds=[stack])
    assert fleet.over(imported) == "FAILED"
    assert statuses(fleet) == {account: ("INOPERABLE", "FAILED_IMPORT")}
    fleet.over(fleet.cfn.update_stack_set(StackSetName="net", TemplateBody=GROUP))
    again = fleet.cfn.import_stacks_to_stack_set(StackSetName="net", StackIds=[stack])
    assert fleet.over(again) == "SUCCEEDED"
    assert statuses(fleet) == {account: ("CURRENT", "SUCCEEDED")}


def test_another_stack_beside_one_that_was_retained_fails_on_its_names(fleet: Fleet) -> None:
    account = fleet.accounts[0]
    retained(fleet)
    assert fleet.over(fleet.create([account])) == "FAILED"
    assert statuses(fleet) == {account: ("OUTDATED", "FAILED")}
    assert "already exists" in fleet.instances()[account]["StatusReason"]


def test_a_stack_belongs_to_one_set(fleet: Fleet) -> None:
    account, stack = fleet.accounts[0], retained(fleet)
    fleet.cfn.create_stack_set(StackSetName="other", TemplateBody=GROUP)
    fleet.cfn.import_stacks_to_stack_set(StackSetName="other", StackIds=[stack])
    fleet.aws.settle()
    imported = fleet.cfn.import_stacks_to_stack_set(StackSetName="net", StackIds=[stack])
    assert fleet.over(imported) == "FAILED"
    assert "belongs to a StackSet" in fleet.instances()[account]["StatusReason"]
