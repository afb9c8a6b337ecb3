"""What stands with the tests' tag taken away again: StackSets, then stacks, the youngest first; nothing without it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from on_aws.mark import Mark, find_mark

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_PATIENCE_S = 1800.0
_GONE = "ValidationError"


def sweep(
    session: boto3.Session, regions: Iterable[str], is_meant: Callable[[Mark], bool], *, every_s: float
) -> list[str]:
    """Delete what stands with a mark that is meant, buckets emptied; return its names.

    Raises AssertionError where something stays.
    """
    swept: list[str] = []
    regions = tuple(regions)
    for region in regions:
        swept += (f"{region} set {name}" for name in _Sweep(session, region, is_meant, every_s).sets())
    for region in regions:
        swept += (f"{region} {name}" for name in _Sweep(session, region, is_meant, every_s).stacks())
    return swept


@dataclass(frozen=True)
class _Sweep:
    session: boto3.Session
    region: str
    is_meant: Callable[[Mark], bool]
    every_s: float

    @property
    def _cfn(self) -> "CloudFormationClient":
        return self.session.client("cloudformation", region_name=self.region)

    def sets(self) -> Iterator[str]:
        """Delete StackSets; their stacks stay, and have the same tag."""
        listed = _every(self._cfn, "list_stack_sets", "Summaries", Status="ACTIVE")
        for name in [each["StackSetName"] for each in listed]:
            found = self._cfn.describe_stack_set(StackSetName=name)["StackSet"]
            if self._has_mark(found.get("Tags", [])):
                self._leave_instances(name)
                self._cfn.delete_stack_set(StackSetName=name)
                yield name

    def _leave_instances(self, name: str) -> None:
        self._wait(lambda: not self._running(name), f"an operation on {name}")
        instances = _every(self._cfn, "list_stack_instances", "Summaries", StackSetName=name)
        if not instances:
            return
        self._cfn.delete_stack_instances(
            StackSetName=name,
            Accounts=sorted({each["Account"] for each in instances}),
            Regions=sorted({each["Region"] for each in instances}),
            RetainStacks=True,
        )
        self._wait(lambda: not self._running(name), f"an operation on {name}")

    def _running(self, name: str) -> bool:
        listed = _every(self._cfn, "list_stack_set_operations", "Summaries", StackSetName=name)
        return any(each["Status"] in {"QUEUED", "RUNNING", "STOPPING"} for each in listed)

    def stacks(self) -> Iterator[str]:
        """Delete stacks, with what their buckets hold."""
        found = [each for each in _every(self._cfn, "describe_stacks", "Stacks") if "ParentId" not in each]
        for each in sorted(found, key=lambda one: one["CreationTime"], reverse=True):
            sets = self._change_sets(each)
            if all(map(self._is_marked, sets)) if sets else self._has_mark(each.get("Tags", [])):
                self._delete(each["StackId"], sets)
                yield each["StackName"]

    def _change_sets(self, stack: Any) -> list[str]:
        """Return the change sets of a stack that is nothing else yet: it may not show their tags, nor whose all are."""
        if stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            return []
        listed = _every(self._cfn, "list_change_sets", "Summaries", StackName=stack["StackId"])
        return [each["ChangeSetId"] for each in listed]

    def _is_marked(self, change_set: str) -> bool:
        return self._has_mark(self._cfn.describe_change_set(ChangeSetName=change_set).get("Tags", []))

    def _has_mark(self, tags: Iterable[object]) -> bool:
        mark = find_mark(tags)
        return mark is not None and self.is_meant(mark)

    def _delete(self, number: str, change_sets: list[str]) -> None:
        for each in change_sets:
            self._cfn.delete_change_set(ChangeSetName=each)
        # Change sets of children go a while after their root's.
        self._wait(lambda: not change_sets or not self._left(number), f"change sets of {number}")
        if self._status(number) == "DELETE_COMPLETE":
            return
        self._wait(lambda: _is_settled(self._status(number)), number)
        for bucket in self._buckets(number):
            empty(self.session, bucket)
        self._cfn.delete_stack(StackName=number)
        self._wait(lambda: self._status(number) in {"DELETE_COMPLETE", "DELETE_FAILED"}, number)
        assert self._status(number) == "DELETE_COMPLETE", f"{number} stays"

    def _left(self, number: str) -> list[Any]:
        try:
            return _every(self._cfn, "list_change_sets", "Summaries", StackName=number)
        except ClientError as error:
            if error.response["Error"]["Code"] in {_GONE, "ChangeSetNotFound"}:
                return []
            raise

    def _status(self, number: str) -> str:
        try:
            return self._cfn.describe_stacks(StackName=number)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if error.response["Error"]["Code"] == _GONE:
                return "DELETE_COMPLETE"
            raise

    def _buckets(self, number: str) -> Iterator[str]:
        for each in _every(self._cfn, "list_stack_resources", "StackResourceSummaries", StackName=number):
            if each["ResourceType"] == "AWS::S3::Bucket" and each["ResourceStatus"] != "DELETE_COMPLETE":
                yield each.get("PhysicalResourceId", "")

    def _wait(self, is_over: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not is_over():
            assert time.monotonic() < until, f"{what} does not end"
            time.sleep(self.every_s)


def _is_settled(status: str) -> bool:
    return status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS")


def empty(session: boto3.Session, bucket: str) -> None:
    """Delete every version in a bucket, legal holds let go; nothing where there is no such bucket."""
    s3 = session.client("s3", region_name="us-east-1")
    with suppress(s3.exceptions.NoSuchBucket):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                key, version = each["Key"], each["VersionId"]
                with suppress(ClientError):  # it never had one
                    s3.put_object_legal_hold(Bucket=bucket, Key=key, VersionId=version, LegalHold={"Status": "OFF"})
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version)


def _every(client: Any, operation: str, key: str, **asked: str) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate(**asked) for each in page[key]]
