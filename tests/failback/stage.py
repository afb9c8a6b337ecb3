"""What a test of the whole has before it: the system as clients and people see it, with replication to be paused."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import boto3
import pytest

from answer import Answer, Command
from builder.client import FailoverClient, Limits, RegionUrl, ReplicatedHold
from local.account import PRIMARY, SECONDARY, Account
from local.adapter.control import ask, set_pace

ACCOUNT = "181818181818"
HOLD = "/items/failover-hold"
TABLE = "tap-dev-global"
Service = Literal["dynamodb", "s3"]


def reached(endpoint: str, patch: pytest.MonkeyPatch) -> None:
    """Have boto3 reach the account."""
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@dataclass
class Stage:
    """The deployment tap-dev."""

    endpoint: str
    account_id: str
    builder: Command

    @property
    def account(self) -> Account:
        return Account(self.endpoint, self.account_id)

    @cached_property
    def regions(self) -> tuple[RegionUrl, RegionUrl]:
        outputs = json.loads(self.builder("outputs", "--json").out)
        return RegionUrl(PRIMARY, outputs["primaryLambdaUrl"]), RegionUrl(SECONDARY, outputs["secondaryLambdaUrl"])

    @property
    def hold(self) -> ReplicatedHold:
        return ReplicatedHold(self.regions, endpoint=self.endpoint, limit_s=10)

    def client(self, open_s: float = 5.0) -> FailoverClient:
        """A client that knows where to stay; the functions are called once before, since a cold one moves everybody."""
        for region in (PRIMARY, SECONDARY):
            self.hold.shown(region)
        limits = Limits(hold_s=0.5, open_s=open_s)
        return FailoverClient(self.regions, endpoint=self.endpoint, hold=self.hold, limits=limits)

    def failback(self, *arguments: str) -> Answer:
        return self.builder("failback", "--patience", "1", *arguments)

    def events(self, *arguments: str) -> tuple[Answer, list[dict[str, Any]]]:
        answer = self.failback("--json", *arguments)
        return answer, [json.loads(line) for line in answer.out.splitlines()]

    def bucket(self, region: str) -> str:
        return f"tap-dev-{self.account_id}-{region}-an"

    def pause(self, service: Service, source: str, destination: str, *, paused: bool = True) -> None:
        set_pace(self.account, service, paused=paused, source=source, destination=destination)

    def ill(self, region: str, status: int) -> None:
        """Have the region's URL answer so; 0 ends that."""
        fault = {"region": region, "status": status, "for_s": None if status else 0}
        ask(self.account, "/_builder/faults", {"function_urls": [fault]})

    def clear(self) -> None:
        """Leave it as it was."""
        for region in (PRIMARY, SECONDARY):
            self.ill(region, 0)
        for service in ("dynamodb", "s3"):
            for source, destination in ((PRIMARY, SECONDARY), (SECONDARY, PRIMARY)):
                self.pause(service, source, destination, paused=False)
        for region in (PRIMARY, SECONDARY):
            table = boto3.Session().resource("dynamodb", region).Table(TABLE)
            for item in table.scan()["Items"]:
                table.delete_item(Key={"id": item["id"]})
            s3 = self.account.s3(region)
            page = s3.list_object_versions(Bucket=self.bucket(region))
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                s3.delete_object(Bucket=self.bucket(region), Key=version["Key"], VersionId=version["VersionId"])
