"""An account of the embedded AWS as a test sees it: its clients, and stacks deployed by change set."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

PRIMARY = "us-east-1"
SECONDARY = "us-west-2"
_DEADLINE_S = 20.0

Resources = Mapping[str, Mapping[str, Any]]


def authorized() -> dict[str, str]:
    """Return the header that the paths of an embedded AWS's own want."""
    return {"Authorization": f"Bearer {os.environ['BUILDER_LOCAL_TOKEN']}"}


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the emulator keeps accounts apart, so that tests need not clean up."""

    endpoint: str
    id: str

    def cloudformation(self, region: str = PRIMARY) -> "CloudFormationClient":
        return boto3.client("cloudformation", **self._access(region))

    def dynamodb(self, region: str = PRIMARY) -> "DynamoDBClient":
        return boto3.client("dynamodb", **self._access(region))

    def functions(self, region: str = PRIMARY) -> "LambdaClient":
        # A throttled call is what some tests wait for: asked again it is ten seconds later.
        return boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}), **self._access(region))

    def logs(self, region: str = PRIMARY) -> "CloudWatchLogsClient":
        return boto3.client("logs", **self._access(region))

    def s3(self, region: str = PRIMARY) -> "S3Client":
        return boto3.client("s3", **self._access(region))

    def apis(self, region: str = PRIMARY) -> Any:
        return boto3.client("apigatewayv2", **self._access(region))

    def client(self, service: Any, region: str = PRIMARY) -> Any:
        """Return a client of a service that none of the others is of."""
        return boto3.client(service, **self._access(region))

    def _access(self, region: str) -> Any:
        return {
            "region_name": region,
            "endpoint_url": self.endpoint,
            "aws_access_key_id": self.id,
            "aws_secret_access_key": "any",
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stack operation ended."""

    stack: "StackTypeDef"
    changes: "tuple[ChangeTypeDef, ...]"
    reason: str
    """Of the resource that failed first; empty when none did."""

    @property
    def status(self) -> str:
        return self.stack["StackStatus"]

    @property
    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack.get("Outputs", [])}


def deploy(
    account: Account,
    name: str,
    resources: Resources,
    *,
    region: str = PRIMARY,
    kind: Literal["CREATE", "UPDATE", "IMPORT"] = "CREATE",
    outputs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Make a change set, execute it, and return how that ended."""
    client = account.cloudformation(region)
    made = client.create_change_set(
        StackName=name,
        ChangeSetName=f"{kind.lower()}-{time.monotonic_ns()}",
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs or {}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        **options,
    )
    changes = client.describe_change_set(ChangeSetName=made["Id"])["Changes"]
    token = f"token-{time.monotonic_ns()}"
    client.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken=token)
    return Outcome(_settled(client, made["StackId"]), tuple(changes), _first_reason(client, made["StackId"], token))


def update(account: Account, name: str, resources: Resources, *, region: str = PRIMARY) -> Outcome:
    """Deploy to a stack that exists."""
    return deploy(account, name, resources, region=region, kind="UPDATE")


def take_in(
    account: Account,
    name: str,
    resources: Resources,
    identifiers: Mapping[str, Mapping[str, str]],
    *,
    region: str = PRIMARY,
) -> Outcome:
    """Import the resources that exist under these identifiers, by logical id, into a stack that may be new."""
    targets = [
        {
            "ResourceType": resources[logical_id]["Type"],
            "LogicalResourceId": logical_id,
            "ResourceIdentifier": identifier,
        }
        for logical_id, identifier in identifiers.items()
    ]
    return deploy(account, name, resources, region=region, kind="IMPORT", ResourcesToImport=targets)


def destroy(account: Account, name: str, *, region: str = PRIMARY) -> Outcome:
    """Delete a stack, and return how that ended."""
    client = account.cloudformation(region)
    stack_id = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    token = f"token-{time.monotonic_ns()}"
    client.delete_stack(StackName=name, ClientRequestToken=token)
    return Outcome(_settled(client, stack_id), (), _first_reason(client, stack_id, token))


def _settled(client: "CloudFormationClient", stack_id: str) -> "StackTypeDef":
    until = time.monotonic() + _DEADLINE_S
    while True:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        assert time.monotonic() < until, f"{stack_id} is still {stack['StackStatus']}"


def _first_reason(client: "CloudFormationClient", stack_id: str, token: str) -> str:
    events = client.describe_stack_events(StackName=stack_id)["StackEvents"]
    failures = [
        event["ResourceStatusReason"]
        for event in reversed(events)
        if event.get("ClientRequestToken") == token and event["ResourceStatus"].endswith("_FAILED")
    ]
    return failures[0] if failures else ""
