"""AWS::S3::Bucket: S3 refuses to delete a bucket that has objects, old versions or delete markers.

First comes the emptying of a bucket of any size: a few pages of versions in memory, deleted concurrently, refused keys
tried again. Then the type's Holder.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.aws import Clients, Pace, call, together
from builder.deploy.resources.holder import DeletionHold, Holder, OnDeleted, Properties
from builder.errors import AwsError, Failed
from builder.template import as_list, at
from builder.terms import Region, counted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ListObjectVersionsOutputTypeDef, ObjectIdentifierTypeDef


# S3 takes 1,000 keys a request and 3,500 deletions a second under one prefix; each key of a request is one.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
_PAGE = 1000
_SIDE_BY_SIDE = 4
# In a 200 answer boto3 sees no error to retry.
_PASSING = frozenset({"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"})
_RETRY = Pace(first_s=0.0, every_s=0.5, fraction=1.0)
_PATIENCE_S = 120.0


@dataclass(slots=True)
class BucketToEmpty:
    """One bucket to be emptied."""

    client: "S3Client"
    where: str
    bucket: str
    on_deleted: OnDeleted
    """Called after each batch with the number of versions and delete markers deleted so far."""
    removed: int = 0

    async def run(self) -> None:
        """Delete all versions until a new listing is empty; writes may continue meanwhile.

        Incomplete uploads are aborted first, since each could still become a version.

        Raises Failed, with what to do, where S3 refuses a version for good.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/empty-bucket.html
        """
        await self._abort_uploads()
        while await self._sweep():
            pass

    async def _abort_uploads(self) -> None:
        """Abort every incomplete upload, a page at a time, until a listing is empty."""
        list_uploads = self.client.list_multipart_uploads
        while uploads := (await call(self.where, list_uploads, Bucket=self.bucket)).get("Uploads"):
            await together(self._abort(upload["Key"], upload["UploadId"]) for upload in uploads)

    async def _abort(self, key: str, upload: str) -> None:
        abort = self.client.abort_multipart_upload
        try:
            await call(self.where, abort, Bucket=self.bucket, Key=key, UploadId=upload)
        except AwsError as error:
            if error.code != "NoSuchUpload":  # completed or aborted meanwhile, perhaps by this very call
                raise

    async def _sweep(self) -> bool:
        """Delete all versions of one listing; return whether it had any."""
        is_anything = False
        async for batches in self._listed():
            is_anything = True
            await together(self._delete(batch) for batch in batches)
        return is_anything

    async def _listed(self) -> "AsyncIterator[list[list[ObjectIdentifierTypeDef]]]":
        """Yield a few pages at a time; each page starts after the last key of the one before, deleted or not."""
        key, version, more = "", "", True
        while more:
            batches: list[list[ObjectIdentifierTypeDef]] = []
            while more and len(batches) < _SIDE_BY_SIDE:
                page = await self._page(key, version)
                key, version = page.get("NextKeyMarker", ""), page.get("NextVersionIdMarker", "")
                more = page.get("IsTruncated", False)
                if batch := _batch(page):
                    batches.append(batch)
            if batches:
                yield batches

    async def _page(self, key: str, version: str) -> "ListObjectVersionsOutputTypeDef":
        # S3 takes no empty VersionIdMarker, and none without a KeyMarker.
        list_versions = self.client.list_object_versions
        if not version:
            return await call(self.where, list_versions, Bucket=self.bucket, MaxKeys=_PAGE, KeyMarker=key)
        return await call(
            self.where, list_versions, Bucket=self.bucket, MaxKeys=_PAGE, KeyMarker=key, VersionIdMarker=version
        )

    async def _delete(self, batch: "list[ObjectIdentifierTypeDef]") -> None:
        """Delete a batch. Repeat, at growing intervals, the keys that S3 was too busy for."""
        loop = asyncio.get_running_loop()
        started, left = loop.time(), batch
        while refused := await self._refused(left):
            self._count(len(left) - len(refused))
            passed_s = loop.time() - started
            if passed_s > _PATIENCE_S or any(error.get("Code") not in _PASSING for error in refused):
                raise _failure(self.where, refused)
            again = {(error.get("Key"), error.get("VersionId")) for error in refused}
            left = [version for version in left if (version["Key"], version.get("VersionId")) in again]
            await asyncio.sleep(_RETRY.wait_s(passed_s))
        self._count(len(left))

    async def _refused(self, batch: "list[ObjectIdentifierTypeDef]") -> "Sequence[ErrorTypeDef]":
        # A version that is gone is no error, so a request whose answer was lost can be sent again.
        answer = await call(
            self.where, self.client.delete_objects, Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True}
        )
        return answer.get("Errors", [])

    def _count(self, gone: int) -> None:
        if gone:
            self.removed += gone
            self.on_deleted(self.removed)


def _batch(page: "ListObjectVersionsOutputTypeDef") -> "list[ObjectIdentifierTypeDef]":
    listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in listed]


def _failure(where: str, refused: "Sequence[ErrorTypeDef]") -> Failed:
    """Return the error for keys that S3 keeps: for the first that waiting does not help, if any."""
    first = next((error for error in refused if error.get("Code") not in _PASSING), refused[0])
    message = first.get("Message", "")
    return Failed(
        where=where,
        what=f"{counted(len(refused), 'version')} could not be deleted; "
        f"the first, {first.get('Key')}: {first.get('Code')}: {message}",
        next_step=remedy(first.get("Code", ""), message),
    )


def remedy(code: str, message: str) -> str:
    """Return what helps where S3 keeps a version; only the message shows S3's reason, *unverified* for both remedies.

    Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html
    """
    text = message.lower()
    if "object lock" in text:
        return "object lock holds it: wait for its retention, or end a legal hold or governance retention, then destroy"
    if "mfa" in text:
        return "MFA delete is on: the root user switches it off with put-bucket-versioning --mfa, then destroy"
    if code in _PASSING:
        return "python -m builder destroy    goes on from here"
    return "python -m builder policy destroy    shows what is needed; a bucket policy may deny it too"


def explained(error: AwsError) -> AwsError:
    """Return the error of a refused request, with a next step."""
    return AwsError(where=error.where, code=error.code, what=error.what, next_step=remedy(error.code, error.what))


_GONE = frozenset({"NoSuchBucket", "404"})


async def stop_writes(clients: Clients, region: Region, physical_id: str) -> None:
    """Stop the bucket's replication, so that no more objects arrive in its destination."""
    try:
        await call(f"{region}: {physical_id}", clients.s3(region).delete_bucket_replication, Bucket=physical_id)
    except AwsError as error:
        if error.code not in _GONE:
            raise


async def empty(clients: Clients, region: Region, physical_id: str, on_deleted: OnDeleted) -> None:
    """Delete every version and delete marker; do nothing where the bucket does not exist."""
    try:
        await BucketToEmpty(clients.s3(region), f"{region}: {physical_id}", physical_id, on_deleted).run()
    except AwsError as error:
        if error.code == "AccessDenied":
            raise explained(error) from error
        if error.code not in _GONE:
            raise


async def unblock(clients: Clients, region: Region, physical_id: str) -> None:
    """Empty the bucket again: an object arrived between the emptying and the deletion."""
    await empty(clients, region, physical_id, lambda _: None)


_TRIES = 3


async def remove(clients: Clients, region: Region, physical_id: str) -> None:
    """Delete the bucket with every version in it. Raises Failed where it is filled again and again."""
    where, client = f"{region}: {physical_id}", clients.s3(region)
    for attempt in range(1, _TRIES + 1):
        await empty(clients, region, physical_id, lambda _: None)
        try:
            await call(where, client.delete_bucket, Bucket=physical_id)
        except AwsError as error:
            if error.code in _GONE:
                return
            if error.code != "BucketNotEmpty" or attempt == _TRIES:
                raise
        else:
            return


async def holds(clients: Clients, region: Region, physical_id: str) -> tuple[DeletionHold, ...]:
    """Return the hold of a bucket that has object lock and versions: nothing lifts it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """
    where, client = f"{region}: {physical_id}", clients.s3(region)
    try:
        answer = await call(where, client.get_object_lock_configuration, Bucket=physical_id)
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            return ()
        page = await call(where, client.list_object_versions, Bucket=physical_id, MaxKeys=1)
    except AwsError as error:
        if error.code in {*_GONE, "ObjectLockConfigurationNotFoundError"}:
            return ()
        raise
    # A delete marker is never locked.
    return (DeletionHold("ObjectLock", region),) if page.get("Versions") or page.get("IsTruncated") else ()


def _weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    warnings = []
    if _versioned(before) and not _versioned(after):
        warnings.append("versioning is suspended: what is overwritten or deleted from then on is gone")
    if before.get("ReplicationConfiguration") and not after.get("ReplicationConfiguration"):
        warnings.append("replication stops")
    if before.get("LifecycleConfiguration") != after.get("LifecycleConfiguration"):
        warnings.append("its lifecycle rules change: look at what they expire")
    if (key := _key(before)) and key != _key(after):
        warnings.append("objects that are there stay under the key that they have, and need it")
    if before.get("PublicAccessBlockConfiguration") != after.get("PublicAccessBlockConfiguration"):
        warnings.append("who may make it public changes")
    return tuple(warnings)


def _versioned(properties: Properties) -> bool:
    versioning = properties.get("VersioningConfiguration")
    return isinstance(versioning, Mapping) and versioning.get("Status") == "Enabled"


def _key(properties: Properties) -> object:
    """Return the KMS key that new objects are encrypted by; None for S3's own."""
    rules = as_list(at(properties, "BucketEncryption", "ServerSideEncryptionConfiguration"))
    keys = (at(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID") for rule in rules)
    return next((key for key in keys if key), None)


HOLDER = Holder(weakens=_weakens, stop_writes=stop_writes, empty=empty, unblock=unblock, holds=holds, remove=remove)
