"""An administrator's account and the accounts it deploys to, on the embedded AWS."""

import json
import time
from dataclasses import dataclass
from typing import Any

import boto3

from local.account import PRIMARY, Account

ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
_DEADLINE_S = 20.0


def template(resources: dict[str, Any] | None = None) -> str:
    """A template with the parameter Name, by default with a log group of that name."""
    group = {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}}}}
    return json.dumps({"Parameters": {"Name": {"Type": "String", "Default": "/a"}}, "Resources": resources or group})


def waiting() -> str:
    """A template whose stack is being made until `Fleet.signal` lets it go on."""
    policy = {"ResourceSignal": {"Count": 1, "Timeout": "PT30S"}}
    condition = {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": policy}
    return template({"Wait": condition})


@dataclass(frozen=True, slots=True)
class Fleet:
    """One administrator, `targets` that let it in, and one account, `stranger`, that does not."""

    admin: Account
    targets: tuple[str, ...]
    stranger: str

    def client(self, service: str, account: str = "", region: str = PRIMARY) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            region_name=region,
            endpoint_url=self.admin.endpoint,
            aws_access_key_id=account or self.admin.id,
            aws_secret_access_key="any",
        )

    @property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    def trust(self, account: str, name: str = EXECUTION, admin: str = "") -> None:
        """Let the administrator execute in an account."""
        principal = {"AWS": f"arn:aws:iam::{admin or self.admin.id}:root"}
        self.client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=trusting(principal))

    def create(self, name: str = "set", **options: Any) -> str:
        """Create a set; return its id."""
        made = self.cloudformation.create_stack_set(StackSetName=name, **{"TemplateBody": template(), **options})
        return str(made["StackSetId"])

    def deploy(self, name: str = "set", **options: Any) -> Any:
        """Create instances, by default in all targets and the primary region; return the operation when it is over."""
        request = {"Accounts": list(self.targets), "Regions": [PRIMARY], **options}
        made = self.cloudformation.create_stack_instances(StackSetName=name, **request)
        return self.wait(made["OperationId"], name)

    def wait(self, operation_id: str, name: str = "set") -> Any:
        """Return an operation when it is over."""
        until = time.monotonic() + _DEADLINE_S
        while True:
            operation = self.operation(operation_id, name)
            if operation["Status"] not in {"QUEUED", "RUNNING", "STOPPING"}:
                return operation
            assert time.monotonic() < until, operation
            time.sleep(0.01)

    def operation(self, operation_id: str, name: str = "set") -> Any:
        return self.cloudformation.describe_stack_set_operation(StackSetName=name, OperationId=operation_id)[
            "StackSetOperation"
        ]

    def results(self, operation: Any, name: str = "set") -> dict[tuple[str, str], str]:
        """The status of each place of an operation, in the order they are listed."""
        answer = self.cloudformation.list_stack_set_operation_results(
            StackSetName=name, OperationId=operation["OperationId"]
        )
        return {(result["Account"], result["Region"]): result["Status"] for result in answer["Summaries"]}

    def instances(self, name: str = "set", **options: Any) -> list[Any]:
        summaries: list[Any] = self.cloudformation.list_stack_instances(StackSetName=name, **options)["Summaries"]
        return summaries

    def signal(self, account: str, status: str = "SUCCESS", region: str = PRIMARY) -> None:
        """Let the stack that waits in an account go on, as soon as it waits."""
        client, until = self.client("cloudformation", account, region), time.monotonic() + _DEADLINE_S
        while not (stacks := self.stacks(account, region)) or not _waits(client, stacks[0]["StackName"]):
            assert time.monotonic() < until
            time.sleep(0.01)
        client.signal_resource(
            StackName=stacks[0]["StackName"], LogicalResourceId="Wait", UniqueId="test", Status=status
        )

    def stacks(self, account: str, region: str = PRIMARY) -> list[Any]:
        """The stacks that an account really has in a region."""
        summaries: list[Any] = self.client("cloudformation", account, region).describe_stacks()["Stacks"]
        return summaries

    def groups(self, account: str, region: str = PRIMARY) -> list[str]:
        """The log groups that an account really has in a region."""
        answer = self.client("logs", account, region).describe_log_groups()["logGroups"]
        return [group["logGroupName"] for group in answer]


def _waits(client: Any, stack: str) -> bool:
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    return any(event["LogicalResourceId"] == "Wait" for event in events)


def trusting(principal: dict[str, str]) -> str:
    """A trust policy."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_fleet(admin: Account) -> Fleet:
    """Two targets with their roles, and a stranger without."""
    numbers = (f"{(int(admin.id) + number) % 10**12:012d}" for number in (1, 2, 3))
    first, second, stranger = numbers
    fleet = Fleet(admin, (first, second), stranger)
    fleet.client("iam").create_role(
        RoleName=ADMINISTRATION, AssumeRolePolicyDocument=trusting({"Service": "cloudformation.amazonaws.com"})
    )
    for account in fleet.targets:
        fleet.trust(account)
    return fleet
