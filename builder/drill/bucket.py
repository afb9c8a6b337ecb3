"""Probe objects in the buckets, by S3's own calls; all of a drill's keys begin alike."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.drill.probe import object_name, object_prefix
from builder.drill.target import Side
from builder.errors import Failed

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ObjectIdentifierTypeDef


async def see_objects(clients: Clients, side: Side, drill: str) -> Collection[str]:
    """Return every probe object of a drill that the region's bucket lists; S3's listings are consistent.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
    """
    seen: set[str] = set()
    after = ""
    while True:
        page = await call(
            f"{side.region}: {side.needed_bucket}",
            clients.of(side.site).s3(side.region).list_objects_v2,
            Bucket=side.needed_bucket,
            Prefix=object_prefix(drill),
            StartAfter=after,
        )
        keys = [one["Key"] for one in page.get("Contents", [])]
        seen |= {object_name(drill, key) for key in keys}
        if not page["IsTruncated"]:
            return seen
        after = keys[-1]


async def delete_objects(clients: Clients, side: Side, drill: str) -> None:
    """Delete every version of a drill's probe objects in this region, a listed page at a time."""
    client, where = clients.of(side.site).s3(side.region), f"{side.region}: {side.needed_bucket}"
    while True:
        page = await call(where, client.list_object_versions, Bucket=side.needed_bucket, Prefix=object_prefix(drill))
        batch: list[ObjectIdentifierTypeDef] = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if not batch:
            return
        answer = await call(
            where, client.delete_objects, Bucket=side.needed_bucket, Delete={"Objects": batch, "Quiet": True}
        )
        check_deleted(where, answer.get("Errors", []))


def check_deleted(where: str, errors: "Sequence[ErrorTypeDef]") -> None:
    """Raise Failed for the first of what S3 could not delete."""
    if errors:
        first = errors[0]
        raise Failed(
            where=where,
            what=f"{len(errors)} probe objects could not be deleted; the first, {first.get('Key')}: "
            f"{first.get('Code')}: {first.get('Message')}",
            next_step="python -m builder drill restore",
        )
