"""The resource types that need code to tell what a change loses, or to delete a resource.

Each type has a module; the types that only need a warning are here. `public_access` finds what a resource of any type
opens to the world. `builder.resource_types` says what the deletion of a resource loses, for these and all other types.
"""

from collections.abc import Mapping
from typing import Any

from builder.aws import Clients, call
from builder.deploy.resources import bucket, global_table
from builder.deploy.resources.holder import DeletionHold, Holder, Properties, Seen, Singly
from builder.errors import AwsError
from builder.resource_types import REPLICA_KEY, TABLES
from builder.template import properties_of
from builder.terms import Region


def _key_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return what weakens a key. CloudFormation schedules a key's deletion, after which what it encrypts is unreadable.

    A scheduled deletion can still be cancelled for 7 to 30 days, `PendingWindowInDays`. A primary multi-region key
    waits until its last replica key is deleted.
    Source: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
    """
    warnings = []
    if _lower(before, after, "Enabled", default=True):
        warnings.append("the key is disabled: nothing it encrypts can be read until it is enabled again")
    if _lower(before, after, "EnableKeyRotation", default=False):
        warnings.append("its rotation is switched off: its material stays the same from then on")
    if before.get("KeyPolicy") != after.get("KeyPolicy"):
        warnings.append("its policy changes: whom it no longer names cannot use what the key encrypts")
    return tuple(warnings)


def _lower(before: Properties, after: Properties, name: str, *, default: bool) -> bool:
    """Return whether a switch is turned off; CloudFormation may show a boolean as text."""
    was, will = (str(side.get(name, default)).lower() for side in (before, after))
    return was > will


def _alias_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return a warning where an alias is pointed at another key: what the old key encrypts is not encrypted anew."""
    if before.get("TargetKeyId") == after.get("TargetKeyId"):
        return ()
    return ("it leads to another key: what the old one encrypts stays under that, and needs it",)


def _url_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return a warning where other callers may use the URL, or where clients newly have to sign their requests."""
    if before.get("AuthType") == after.get("AuthType"):
        return ()
    if after.get("AuthType") == "NONE":
        return ("anyone may call it, unsigned",)
    return ("callers that do not sign their requests are turned away",)


def _log_group_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return what weakens a log group: a shorter retention deletes the older events within days."""
    was, will = _retention_days(before), _retention_days(after)
    warnings = [f"events older than {will:.0f} days go"] if will < was else []
    if (key := before.get("KmsKeyId")) and key != after.get("KmsKeyId"):
        warnings.append("events that were written before stay under the key that it had, and need it")
    return tuple(warnings)


def _retention_days(properties: Properties) -> float:
    forever = float("inf")
    try:
        return float(properties.get("RetentionInDays", forever))
    except (TypeError, ValueError):
        return forever


async def _remove_log_group(clients: Clients, region: Region, physical_id: str) -> None:
    """Delete a log group with its events; do nothing where it does not exist."""
    client = clients.service("logs", region)
    try:
        await call(f"{region}: {physical_id}", client.delete_log_group, logGroupName=physical_id)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


async def _remove_key(clients: Clients, region: Region, physical_id: str) -> None:
    """Schedule a key's deletion in 30 days, the longest time to cancel it; do nothing where it is scheduled."""
    client = clients.service("kms", region)
    try:
        await call(f"{region}: {physical_id}", client.schedule_key_deletion, KeyId=physical_id, PendingWindowInDays=30)
    except AwsError as error:
        if error.code not in {"NotFoundException", "KMSInvalidStateException"}:
            raise


_KEY = Holder(weakens=_key_weakens, remove=_remove_key)
HOLDERS: dict[str, Holder] = {
    "AWS::DynamoDB::GlobalTable": global_table.HOLDER,
    "AWS::DynamoDB::Table": global_table.TABLE,
    "AWS::KMS::Alias": Holder(weakens=_alias_weakens),
    "AWS::KMS::Key": _KEY,
    "AWS::KMS::ReplicaKey": _KEY,
    "AWS::Lambda::Url": Holder(weakens=_url_weakens),
    "AWS::Logs::LogGroup": Holder(weakens=_log_group_weakens, remove=_remove_log_group),
    "AWS::S3::Bucket": bucket.HOLDER,
}


def remedy_for(type_name: str, reason: str) -> str:
    """Return what helps where a resource of the type failed for this reason; empty where no remedy is known.

    A deleted replica key exists until its waiting period is over, and until then no other replica of the same key can
    be created. DynamoDB takes one change of a time to live in an hour, and keeps an index whose update was rolled back.
    Sources: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-delete.html and
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
    """
    for types, words, helps in _REMEDIES:
        if type_name in types and words in reason.lower():
            return helps
    return ""


def remedy_for_denial(reason: str) -> str:
    """Return which policy has what was denied, to who runs the verb or to CloudFormation; empty where nothing was."""
    words = reason.lower()
    if not any(denied in words for denied in ("not authorized to perform", "not allowed to call", "accessdenied")):
        return ""
    return (
        "python -m builder policy plan execute    has what is needed; with --cloudformation-role it is the policy of "
        "the role that CloudFormation assumes, where it assumes one"
    )


_REMEDIES = (
    (
        (REPLICA_KEY,),
        "already exists",
        (
            "a replica of this key is there, or waits to be deleted: aws kms describe-key shows until when, aws kms "
            "cancel-key-deletion keeps it; docs/keys.md, A region that comes back"
        ),
    ),
    (
        TABLES,
        "index which already exists",
        (
            "an update that was rolled back has left the index: aws dynamodb update-table "
            "--global-secondary-index-updates deletes it, and then the same command again"
        ),
    ),
    (
        TABLES,
        "time to live has been modified multiple times",
        "the same command an hour later    goes on: DynamoDB takes one change of a time to live in that time",
    ),
)
"""Types, words of a reason, and what helps where the reason has these words."""


def regions_of(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the regions that hold a copy of a resource's data, as far as its template states them."""
    holder = HOLDERS.get(str(resource.get("Type")))
    return holder.regions(properties_of(resource)) if holder else ()


__all__ = ["HOLDERS", "DeletionHold", "Holder", "Seen", "Singly", "regions_of", "remedy_for", "remedy_for_denial"]
