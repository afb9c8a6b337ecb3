"""AWS::S3::Bucket: a bucket with anything in it, old versions and delete markers included, refuses its deletion."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.resources.holder import Holder, Properties, Seen
from builder.errors import AwsError, Failed
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef, ObjectIdentifierTypeDef

_GONE = frozenset({"NoSuchBucket", "404"})


async def quiesce(clients: Clients, region: Region, physical_id: str) -> None:
    """Stop replicating from the bucket, so that nothing arrives in its destination any more."""
    try:
        await call(f"{region}: {physical_id}", clients.s3(region).delete_bucket_replication, Bucket=physical_id)
    except AwsError as error:
        if error.code not in _GONE:
            raise


async def empty(clients: Clients, region: Region, physical_id: str, emptied: Callable[[int], None]) -> None:
    """Delete every version and delete marker by version id, a listed page at a time.

    The listing starts anew after each batch, since what it listed is gone. Memory stays that of one page.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/empty-bucket.html
    """
    client, where = clients.s3(region), f"{region}: {physical_id}"
    removed = 0
    try:
        while batch := _batch(await call(where, client.list_object_versions, Bucket=physical_id, MaxKeys=1000)):
            answer = await call(
                where, client.delete_objects, Bucket=physical_id, Delete={"Objects": batch, "Quiet": True}
            )
            if errors := answer.get("Errors"):
                first = errors[0]
                raise Failed(
                    where=where,
                    what=f"{len(errors)} of {len(batch)} versions could not be deleted; "
                    f"the first, {first.get('Key')}: {first.get('Code')}: {first.get('Message')}",
                )
            removed += len(batch)
            emptied(removed)
    except AwsError as error:
        if error.code not in _GONE:
            raise


async def release(clients: Clients, region: Region, physical_id: str) -> None:
    """Empty it again: something arrived between the emptying and the deletion."""
    await empty(clients, region, physical_id, lambda _: None)


def _batch(page: "ListObjectVersionsOutputTypeDef") -> "list[ObjectIdentifierTypeDef]":
    listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in listed]


def _warnings(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None:
        return ()
    told = []
    if _versioned(seen.before) and not _versioned(seen.after):
        told.append("versioning is suspended: what is overwritten or deleted from then on is gone")
    if seen.before.get("ReplicationConfiguration") and not seen.after.get("ReplicationConfiguration"):
        told.append("replication stops")
    if seen.before.get("LifecycleConfiguration") != seen.after.get("LifecycleConfiguration"):
        told.append("its lifecycle rules change: look at what they expire")
    if seen.before.get("PublicAccessBlockConfiguration") != seen.after.get("PublicAccessBlockConfiguration"):
        told.append("who may make it public changes")
    return tuple(told)


def _versioned(properties: Properties) -> bool:
    said = properties.get("VersioningConfiguration")
    return isinstance(said, Mapping) and said.get("Status") == "Enabled"


HOLDER = Holder(lost="every object and version", warnings=_warnings, quiesce=quiesce, empty=empty, release=release)
