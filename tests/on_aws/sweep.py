"""What stands with the tests' tag taken away again, and nothing without it.

StackSets go first, then stacks, the youngest before the others, then tables and buckets that no stack has any more.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.exceptions import ClientError

from on_aws.mark import Mark, find_mark

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

T = TypeVar("T")
_PATIENCE_S = 1800.0
_GONE = frozenset(
    {"ChangeSetNotFound", "NoSuchBucket", "NoSuchTagSet", "ResourceNotFoundException", "StackSetNotFoundException"}
    | {"ValidationError"}
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What is gone, and what stays, each with the reason."""

    gone: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)


def sweep(session: boto3.Session, regions: Iterable[str], is_meant: Callable[[Mark], bool], *, every_s: float) -> Swept:
    """Delete what stands with a mark that is meant, buckets emptied; what cannot be deleted keeps nothing else."""
    swept = Swept()
    sweeps = [_Sweep(session, region, is_meant, every_s) for region in regions]
    sets = ((each.region, f"set {name}", why) for each in sweeps for name, why in each.sets())
    stacks = ((each.region, name, why) for each in sweeps for name, why in each.stacks())
    left = ((each.region, name, why) for each in sweeps for name, why in each.leftovers())
    for region, name, why in chain(sets, stacks, left):
        (swept.stays if why else swept.gone).append(f"{region} {name}{why}")
    return swept


@dataclass(frozen=True)
class _Sweep:
    session: boto3.Session
    region: str
    is_meant: Callable[[Mark], bool]
    every_s: float

    @cached_property
    def _cfn(self) -> "CloudFormationClient":
        return self.session.client("cloudformation", region_name=self.region)

    def sets(self) -> Iterator[tuple[str, str]]:
        """Delete StackSets; their stacks stay, and have the same tag. Yield as `stacks` does."""
        listed = _every(self._cfn, "list_stack_sets", "Summaries", Status="ACTIVE")
        for name in [each["StackSetName"] for each in listed]:
            answer = _unless_gone(partial(self._cfn.describe_stack_set, StackSetName=name))
            if answer and self._has_mark(answer["StackSet"].get("Tags", [])):
                yield name, self._delete_set(name)

    def _delete_set(self, name: str) -> str:
        try:
            self._leave_instances(name)
            self._cfn.delete_stack_set(StackSetName=name)
        except ClientError as error:
            return f": {error}"
        return ""

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

    def stacks(self) -> Iterator[tuple[str, str]]:
        """Delete stacks, with what their buckets hold; yield their names, and why one stays."""
        described = [each for each in _every(self._cfn, "describe_stacks", "Stacks") if "ParentId" not in each]
        for each in sorted(described, key=lambda stack: stack["CreationTime"], reverse=True):
            sets = self._change_sets(each)
            if all(map(self._is_marked, sets)) if sets else self._has_mark(each.get("Tags", [])):
                yield each["StackName"], self._delete(each["StackId"], sets)

    def _change_sets(self, stack: Any) -> list[str]:
        """Return the change sets of a stack that is nothing else yet: it may not show their tags, nor whose all are."""
        if stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            return []
        return [each["ChangeSetId"] for each in self._left(stack["StackId"])]

    def _is_marked(self, change_set: str) -> bool:
        answer = _unless_gone(partial(self._cfn.describe_change_set, ChangeSetName=change_set))
        return answer is not None and self._has_mark(answer.get("Tags", []))

    def _has_mark(self, tags: Iterable[object]) -> bool:
        mark = find_mark(tags)
        return mark is not None and self.is_meant(mark)

    def _delete(self, number: str, change_sets: list[str]) -> str:
        """Delete a stack; return nothing, or why it stays."""
        for each in change_sets:
            _unless_gone(partial(self._cfn.delete_change_set, ChangeSetName=each))
        # Change sets of children go a while after their root's.
        self._wait(lambda: not change_sets or not self._left(number), f"change sets of {number}")
        self._wait(lambda: _is_settled(self._status(number)), number)
        for bucket in self._buckets(number):
            empty(self.session, bucket, self.region)
        try:
            self._cfn.delete_stack(StackName=number)
        except ClientError as error:
            return f": {error}"
        time.sleep(self.every_s)  # until then it may be shown as it was
        self._wait(lambda: _is_settled(self._status(number)), number)
        status = self._status(number)
        return "" if status == "DELETE_COMPLETE" else f": {status}"

    def _left(self, number: str) -> list[Any]:
        return _unless_gone(partial(_every, self._cfn, "list_change_sets", "Summaries", StackName=number)) or []

    def _status(self, number: str) -> str:
        answer = _unless_gone(partial(self._cfn.describe_stacks, StackName=number))
        return answer["Stacks"][0]["StackStatus"] if answer else "DELETE_COMPLETE"

    def _buckets(self, number: str) -> Iterator[str]:
        list_resources = partial(_every, self._cfn, "list_stack_resources", "StackResourceSummaries", StackName=number)
        for each in _unless_gone(list_resources) or []:
            if each["ResourceType"] == "AWS::S3::Bucket" and each["ResourceStatus"] != "DELETE_COMPLETE":
                yield each.get("PhysicalResourceId", "")

    def leftovers(self) -> Iterator[tuple[str, str]]:
        """Delete tables and buckets that their stacks let go of. Yield as `stacks` does."""
        dynamodb = self.session.client("dynamodb", region_name=self.region)
        for name in _every(dynamodb, "list_tables", "TableNames"):
            if (tags := _unless_gone(partial(_tags_of_table, dynamodb, name))) and self._has_mark(tags):
                yield f"table {name}", self._delete_table(dynamodb, name)
        s3 = self.session.client("s3", region_name=self.region)
        for each in _every(s3, "list_buckets", "Buckets", BucketRegion=self.region):
            name = each["Name"]
            tagging = _unless_gone(partial(s3.get_bucket_tagging, Bucket=name))
            if tagging and self._has_mark(tagging["TagSet"]):
                empty(self.session, name, self.region)
                yield f"bucket {name}", _why_not(partial(s3.delete_bucket, Bucket=name))

    def _delete_table(self, dynamodb: Any, name: str) -> str:
        """Delete a table, its replicas before it: the region that a replica was made from is not deleted before it."""
        for region in self._replicas(dynamodb, name):
            change = [{"Delete": {"RegionName": region}}]
            if why := _why_not(partial(dynamodb.update_table, TableName=name, ReplicaUpdates=change)):
                return why
            self._wait(lambda: not self._replicas(dynamodb, name), f"replicas of {name}")
        return _why_not(partial(dynamodb.delete_table, TableName=name))

    def _replicas(self, dynamodb: Any, name: str) -> list[str]:
        answer = _unless_gone(partial(dynamodb.describe_table, TableName=name))
        return [each["RegionName"] for each in (answer or {"Table": {}})["Table"].get("Replicas", [])]

    def _wait(self, is_over: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not is_over():
            assert time.monotonic() < until, f"{what} does not end"
            time.sleep(self.every_s)


def _tags_of_table(dynamodb: Any, name: str) -> list[Any]:
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    return _every(dynamodb, "list_tags_of_resource", "Tags", ResourceArn=arn)


def _why_not(delete: Callable[[], object]) -> str:
    """Delete something; return nothing, or why it stays."""
    try:
        _unless_gone(delete)
    except ClientError as error:
        return f": {error}"
    return ""


def _is_settled(status: str) -> bool:
    return status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS")


def empty(session: boto3.Session, bucket: str, region: str = "us-east-1") -> None:
    """Delete every version in a bucket, legal holds let go; nothing where there is no such bucket."""
    s3 = session.client("s3", region_name=region)
    with suppress(s3.exceptions.NoSuchBucket):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                key, version = each["Key"], each["VersionId"]
                with suppress(ClientError):  # it never had one
                    s3.put_object_legal_hold(Bucket=bucket, Key=key, VersionId=version, LegalHold={"Status": "OFF"})
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version)


def _unless_gone(ask: Callable[[], T]) -> T | None:
    """Return the answer, None where what is asked for is gone: others use the account too."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise


def _every(client: Any, operation: str, key: str, **params: str) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate(**params) for each in page[key]]
