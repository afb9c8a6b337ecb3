"""The stand-ins for AWS, behind one face: clients, and waiting until nothing is under way."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import botocore.loaders
import botocore.session

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

REGIONS = ("us-east-1", "us-west-2")
_MODELS = botocore.loaders.create_loader()  # shared, because reading them takes longer than most tests


class StandIn(Protocol):
    """An AWS that the contract's tests can run on."""

    def client(self, service: str, region: str = "us-east-1", account: str | None = None) -> Any:
        """Return a boto3 client of a test's own account, or of another."""

    @property
    def account(self) -> str:
        """The test's own account."""

    def settle(self) -> None:
        """Wait until no stack and no change set is in progress."""


@dataclass
class OnFake:
    """The fake, in virtual time."""

    world: World = field(default_factory=World)
    account: str = "111122223333"

    def __post_init__(self) -> None:
        self.world.stack_sets_need_roles = True

    def client(self, service: str, region: str = "us-east-1", account: str | None = None) -> Any:
        session = self.world.session(account or self.account)
        return session.client(service, region_name=region)  # type: ignore[call-overload]  # by name

    def settle(self) -> None:
        self.world.settle()


@dataclass
class OnEmbedded:
    """The embedded AWS, in real time."""

    endpoint: str
    account: str
    made: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1", account: str | None = None) -> Any:
        whose = account or self.account
        if (service, region, whose) not in self.made:
            core = botocore.session.Session()
            core.register_component("data_loader", _MODELS)
            core.set_credentials(whose, "test")
            make: Any = boto3.Session(botocore_session=core).client
            self.made[service, region, whose] = make(service, region_name=region, endpoint_url=self.endpoint)
        return self.made[service, region, whose]

    def settle(self) -> None:
        deadline = time.monotonic() + 30
        while any(self._busy(region) for region in REGIONS):
            assert time.monotonic() < deadline, "something stays in progress"
            time.sleep(0.05)

    def _busy(self, region: str) -> bool:
        client: CloudFormationClient = self.client("cloudformation", region)
        stacks = [each for page in client.get_paginator("describe_stacks").paginate() for each in page["Stacks"]]
        if any(_passing(each["StackStatus"]) for each in stacks):  # one that is being deleted may be gone by now
            return True
        made = [each for stack in stacks for each in client.list_change_sets(StackName=stack["StackName"])["Summaries"]]
        return any(_passing(each["Status"]) for each in made)


def _passing(status: str) -> bool:
    return status.endswith(("_PENDING", "_IN_PROGRESS")) and status != "REVIEW_IN_PROGRESS"
