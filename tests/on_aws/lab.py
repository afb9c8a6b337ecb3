"""A test's own corner of an account: names nobody else has, a tag on all that it makes, change sets and waiting."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError

from on_aws.mark import TAG, Mark

EAST, WEST = "us-east-1", "us-west-2"
T = TypeVar("T")
Template = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """Where a test makes what it needs. `every_s` is how often it looks, `patience_s` how long it waits at most.

    Stacks are of its `region`.
    """

    session: boto3.Session
    account: str
    mark: Mark
    every_s: float
    patience_s: float
    region: str = EAST
    made: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = EAST) -> Any:
        if (service, region) not in self.made:
            make: Any = self.session.client
            self.made[service, region] = make(service, region_name=region)
        return self.made[service, region]

    @property
    def cfn(self) -> Any:
        return self.client("cloudformation", self.region)

    @property
    def endpoint(self) -> str | None:
        """Where the embedded AWS listens, function URLs included; None on AWS."""
        return os.environ.get("AWS_ENDPOINT_URL")

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": TAG, "Value": str(self.mark)}]

    def name(self, what: str) -> str:
        """Return a name that only this test has."""
        return f"on-aws-{self.mark.test}-{what}"

    def acting_as(self, session: boto3.Session) -> "Lab":
        """Return the same corner for somebody else."""
        return replace(self, session=session, made={})

    def there(self, region: str) -> "Lab":
        """Return the same corner with the stacks of another region."""
        return replace(self, region=region)

    def plan(self, stack: str, template: Template | str, kind: str = "CREATE", **more: Any) -> dict[str, Any]:
        """Make a change set and wait until it is made; return its description."""
        change_set = self.ask(stack, template, kind, **more)

        def observe() -> dict[str, Any] | None:
            described: dict[str, Any] = self.cfn.describe_change_set(ChangeSetName=change_set)
            return None if described["Status"].endswith(("_PENDING", "_IN_PROGRESS")) else described

        return self.until(observe, f"the change set {change_set}")

    def ask(self, stack: str, template: Template | str, kind: str = "CREATE", **more: Any) -> str:
        """Ask for a change set; return its ARN."""
        options = {"ChangeSetName": f"made-{time.monotonic_ns()}", "Tags": self.tags, **more}
        made = self.cfn.create_change_set(
            StackName=self.name(stack),
            ChangeSetType=kind,
            TemplateBody=template if isinstance(template, str) else json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **options,
        )
        return str(made["Id"])

    def execute(self, planned: dict[str, Any], **more: Any) -> str:
        """Execute a change set and wait for its end; return the stack's status."""
        assert planned["Status"] == "CREATE_COMPLETE", planned["StatusReason"]
        self.cfn.execute_change_set(ChangeSetName=planned["ChangeSetId"], **more)

        def observe() -> str | None:
            described = self.cfn.describe_stacks(StackName=planned["StackId"])["Stacks"][0]
            is_over = described.get("ChangeSetId") == planned["ChangeSetId"] and _is_settled(described["StackStatus"])
            return described["StackStatus"] if is_over else None

        return self.until(observe, planned["StackId"])

    def deploy(self, stack: str, template: Template | str, kind: str = "CREATE", **more: Any) -> dict[str, Any]:
        """Do both, and expect that it ends well; return the stack."""
        status = self.execute(self.plan(stack, template, kind, **more))
        assert status == f"{kind}_COMPLETE", self.reasons(stack)
        return self.describe(stack)

    def take_in(self, stack: str, template: Template, **named: dict[str, str]) -> dict[str, Any]:
        """Make a change set that imports what is named by logical id and identifier; return its description."""
        kinds = {name: each["Type"] for name, each in template["Resources"].items()}
        targets = [
            {"ResourceType": kinds[name], "LogicalResourceId": name, "ResourceIdentifier": identifier}
            for name, identifier in named.items()
        ]
        return self.plan(stack, template, "IMPORT", ResourcesToImport=targets)

    def owner(self, physical_id: str) -> str | None:
        """Return the name of the stack that has it, None where none has."""
        try:
            resources = self.cfn.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
        except ClientError as error:
            if f"Stack for {physical_id} does not exist" in str(error):
                return None
            raise
        return str(resources[0]["StackName"])

    def describe(self, stack: str) -> dict[str, Any]:
        return dict(self.cfn.describe_stacks(StackName=self.name(stack))["Stacks"][0])

    def delete(self, number: str, **more: Any) -> str:
        """Delete a stack by its ARN and wait for its end; return its last status."""
        self.cfn.delete_stack(StackName=number, **more)
        return self.end_of(number)

    def end_of(self, number: str) -> str:
        """Wait until nothing is under way on a stack; return its status, DELETE_COMPLETE where it is gone."""

        def observe() -> str | None:
            try:
                status = str(self.cfn.describe_stacks(StackName=number)["Stacks"][0]["StackStatus"])
            except ClientError as error:
                if "does not exist" in str(error):
                    return "DELETE_COMPLETE"
                raise
            return status if _is_settled(status) else None

        return self.until(observe, number)

    def reasons(self, stack: str) -> list[str]:
        """Return what was said of the stack's resources."""
        events = self.cfn.describe_stack_events(StackName=self.name(stack))["StackEvents"]
        return [each["ResourceStatusReason"] for each in events if "ResourceStatusReason" in each]

    def until(self, observe: Callable[[], T | None], what: str) -> T:
        """Look again and again; return the first answer that is not None."""
        until = time.monotonic() + self.patience_s
        while (answer := observe()) is None:
            assert time.monotonic() < until, f"waited {self.patience_s:.0f} s for {what}"
            time.sleep(self.every_s)
        return answer


def unless_new(ask: Callable[[], T]) -> T | None:
    """Return the answer, None where AWS does not know a role yet that it is to assume: it takes IAM a while."""
    try:
        return ask()
    except ClientError as error:
        if "cannot be assumed" in str(error):
            return None
        raise


def _is_settled(status: str) -> bool:
    return not status.endswith("_IN_PROGRESS")


def group(name: str) -> Template:
    """Return the template of one log group."""
    return {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}}}


def topic(display_name: str = "one", **sections: Any) -> Template:
    """Return the template of one topic."""
    properties = {"DisplayName": display_name}
    return {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}}, **sections}


def rows(planned: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a change set lists, by logical id."""
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in planned["Changes"]}
