"""People and roles of an account on an embedded AWS that enforces IAM."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

CLOUDFORMATION = "cloudformation.amazonaws.com"


def allow(*actions: str, resource: str = "*", **condition: dict[str, str]) -> dict[str, Any]:
    """A statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


@dataclass
class Strict:
    """One account: its root may do anything."""

    endpoint: str
    id: str
    people: int = 0

    def _client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def root(self, service: str) -> Any:
        return self._client(service, self.id, "test")

    def person(self, *statements: dict[str, Any]) -> "CloudFormationClient":
        """CloudFormation for somebody whose policy has these statements."""
        client: CloudFormationClient = self.client_of(*statements, service="cloudformation")
        return client

    def client_of(self, *statements: dict[str, Any], service: str) -> Any:
        """A service for somebody whose policy has these statements."""
        self.people += 1
        iam, name = self.root("iam"), f"person-{self.people}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": list(statements)}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self._client(service, key["AccessKeyId"], key["SecretAccessKey"])

    def role(self, name: str, *statements: dict[str, Any], service: str = CLOUDFORMATION) -> str:
        """A role that a service may take, with these statements."""
        trust = {"Statement": [allow("sts:AssumeRole") | {"Principal": {"Service": service}}]}
        del trust["Statement"][0]["Resource"]
        iam = self.root("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": list(statements)}))
        return str(made)


def settled(client: "CloudFormationClient", stack: str) -> str:
    """Wait for the operation on a stack to end; return the status it ended in."""
    until = time.monotonic() + 20
    while (status := client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return str(status)


def reasons(client: "CloudFormationClient", stack: str) -> str:
    """The status reasons of its resources."""
    return " ".join(
        event.get("ResourceStatusReason", "") for event in client.describe_stack_events(StackName=stack)["StackEvents"]
    )
