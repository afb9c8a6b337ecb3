"""An organization on the embedded AWS: a root, a unit within a unit, and accounts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.adapter.stack_sets.fleet import Fleet

_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Organized:
    """The fleet's administrator manages it; `accounts` are in the root."""

    fleet: Fleet
    root: str
    unit: str
    inner: str
    accounts: tuple[str, ...]

    @property
    def client(self) -> Any:
        return self.fleet.client("organizations")

    def move(self, account: str, source: str, destination: str) -> None:
        self.client.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    def create(self, name: str = "set", *, retain: bool = False, **automatic: Any) -> str:
        """Create a set that follows accounts; return its ARN."""
        deployment = {"Enabled": True, "RetainStacksOnAccountRemoval": retain, **automatic}
        group = [{"ParameterKey": "Name", "ParameterValue": f"/{name}"}]
        self.fleet.create(name, PermissionModel="SERVICE_MANAGED", AutoDeployment=deployment, Parameters=group)
        stack_set = self.fleet.cloudformation.describe_stack_set(StackSetName=name)["StackSet"]
        return str(stack_set["StackSetARN"])

    def deploy(self, name: str = "set", *, units: list[str] | None = None, **targets: Any) -> Any:
        """Deploy a set to units, by default to the outer one."""
        made = self.fleet.cloudformation.create_stack_instances(
            StackSetName=name,
            DeploymentTargets={"OrganizationalUnitIds": units or [self.unit], **targets},
            Regions=["us-east-1"],
        )
        return self.fleet.wait(made["OperationId"], name)

    def placed(self, name: str = "set") -> set[str]:
        """The accounts that have an instance that is current, once nothing runs on the set any more."""
        client = self.fleet.cloudformation
        self.await_true(
            lambda: all(
                operation["Status"] not in {"QUEUED", "RUNNING"}
                for operation in client.list_stack_set_operations(StackSetName=name)["Summaries"]
            )
        )
        return {instance["Account"] for instance in self.fleet.instances(name) if instance["Status"] == "CURRENT"}

    @staticmethod
    def await_true(holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _DEADLINE_S
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.01)


def organize(fleet: Fleet) -> Organized:
    """Two units, one within the other, and three accounts; StackSets have access."""
    client = fleet.client("organizations")
    client.create_organization(FeatureSet="ALL")
    client.enable_aws_service_access(ServicePrincipal="member.org.stacksets.cloudformation.amazonaws.com")
    root = client.list_roots()["Roots"][0]["Id"]
    unit = _unit(client, root, "outer")
    return Organized(fleet, root, unit, _unit(client, unit, "inner"), tuple(_account(client, n) for n in range(3)))


def _unit(client: Any, parent: str, name: str) -> str:
    return str(client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"])


def _account(client: Any, number: int) -> str:
    made = client.create_account(Email=f"owner-{number}@example.com", AccountName=f"account {number}")
    return str(made["CreateAccountStatus"]["AccountId"])
