"""AWS::S3::Bucket: a bucket with anything in it, old versions and delete markers included, refuses its deletion."""

from collections.abc import Callable, Mapping

from builder.aws import Clients, call
from builder.deploy.resources.emptying import BucketToEmpty, explained
from builder.deploy.resources.holder import Holder, Properties, Seen
from builder.errors import AwsError
from builder.terms import Region

_GONE = frozenset({"NoSuchBucket", "404"})


async def stop_writes(clients: Clients, region: Region, physical_id: str) -> None:
    """Stop replicating from the bucket, so that nothing arrives in its destination any more."""
    try:
        await call(f"{region}: {physical_id}", clients.s3(region).delete_bucket_replication, Bucket=physical_id)
    except AwsError as error:
        if error.code not in _GONE:
            raise


async def empty(clients: Clients, region: Region, physical_id: str, emptied: Callable[[int], None]) -> None:
    """Delete every version and delete marker; a bucket that is gone is empty."""
    try:
        await BucketToEmpty(clients.s3(region), f"{region}: {physical_id}", physical_id, emptied).run()
    except AwsError as error:
        if error.code == "AccessDenied":
            raise explained(error) from error
        if error.code not in _GONE:
            raise


async def release(clients: Clients, region: Region, physical_id: str) -> None:
    """Empty it again: something arrived between the emptying and the deletion."""
    await empty(clients, region, physical_id, lambda _: None)


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


HOLDER = Holder(warnings=_warnings, stop_writes=stop_writes, empty=empty, release=release)
