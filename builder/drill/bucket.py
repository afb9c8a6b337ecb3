"""Probe objects in the buckets, by S3's own calls; all of a drill's keys begin alike, and each is written once."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from builder.aws import Clients, aws_errors, call, together
from builder.drill.clock import Clock
from builder.drill.probe import Probe, object_key, object_name, object_prefix
from builder.drill.records import Attempt
from builder.drill.target import Side
from builder.errors import AwsError, Failed

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ObjectIdentifierTypeDef


def object_writer(side: Side, drill: str, clients: Clients, clock: Clock) -> Callable[[Probe], tuple[Attempt, ...]]:
    """Return what puts an object into a side's bucket, for any thread."""
    s3, bucket = clients.of(side.site).s3(side.region), side.needed_bucket

    def write(probe: Probe) -> tuple[Attempt, ...]:
        began_s, status = clock.passed_s(), None
        with suppress(AwsError), aws_errors(f"{side.region}: {bucket}"):
            s3.put_object(Bucket=bucket, Key=object_key(drill, probe.key), Body=probe.body.encode())
            status = 200
        return (Attempt(side.region, began_s, clock.passed_s(), status),)

    return write


async def see_objects(clients: Clients, side: Side, drill: str, names: Collection[str]) -> dict[str, int | None]:
    """Return for each of the probes whether the region's bucket lists it, 1, or not, None; listings are consistent.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
    """
    listed = {object_name(drill, key) async for key in _listed(clients, side, drill)}
    return {name: 1 if name in listed else None for name in names}


async def read_objects(clients: Clients, side: Side, drill: str) -> dict[str, dict[str, str]]:
    """Return every probe object of a drill that the region has: its text, as `body`, by its name."""
    keys = [key async for key in _listed(clients, side, drill)]
    texts = await together(_read(clients, side, key) for key in keys)
    return {object_name(drill, key): {"body": text} for key, text in zip(keys, texts, strict=True)}


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


async def _listed(clients: Clients, side: Side, drill: str) -> AsyncIterator[str]:
    after = ""
    while True:
        page = await call(
            f"{side.region}: {side.needed_bucket}",
            clients.of(side.site).s3(side.region).list_objects_v2,
            Bucket=side.needed_bucket,
            Prefix=object_prefix(drill),
            StartAfter=after,
        )
        for listed in page.get("Contents", []):
            after = listed["Key"]
            yield after
        if not page["IsTruncated"]:
            return


async def _read(clients: Clients, side: Side, key: str) -> str:
    where, s3 = f"{side.region}: {side.needed_bucket}/{key}", clients.of(side.site).s3(side.region)

    def read() -> str:
        return s3.get_object(Bucket=side.needed_bucket, Key=key)["Body"].read().decode()

    return await call(where, read)
