"""A key as another service finds it, and the deletion of a multi-Region key.

A primary key waits for its replicas until they are gone, those that are pending deletion too; the emulator lets it go
on as soon as their deletion is scheduled, and a replica be made again meanwhile.
Sources: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-mrks.html and
https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, replace, touch
from builder.local.adapter.handlers import Reply, text_of

KMS = "ministack.services.kms"

_AWS_MANAGED = "alias/aws/"


class UnusableKey(ValueError):
    """A key that a service cannot use, in KMS's words; `code` is its error code.

    That a service passes on KMS's own words is *unverified* for most.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def install() -> None:
    """Schedule deletions in AWS's order, and describe the keys that AWS manages."""
    replace(f"{KMS}:_schedule_key_deletion", _make_schedule)
    replace(f"{KMS}:_describe_key", _make_describe)


def is_aws_managed(key: str) -> bool:
    """Return whether a key is one that AWS manages for a service, by its alias."""
    return key.rpartition(":")[2].startswith(_AWS_MANAGED)


def find_arn(key: str, region: str) -> str:
    """Return the ARN of the key that a service of `region` is given by id, ARN or alias. Raises UnusableKey."""
    account = account_id()
    if key.startswith("arn:"):
        _, _, _, place, account, *_ = key.split(":", 5)
        if place != region:
            raise UnusableKey("NotFoundException", f"Invalid arn {place}")
    if is_aws_managed(key):
        return f"arn:aws:kms:{region}:{account}:{key.rpartition(':')[2]}"
    with acting_in(AccountRegion(account, region)):
        record: Mapping[str, Any] | None = touch(f"{KMS}:_resolve_key")(key)
    if record is None:
        name = key.rpartition(":")[2]
        arn = f"arn:aws:kms:{region}:{account}:{name if name.startswith(('alias/', 'key/')) else f'key/{name}'}"
        missing = f"Alias {arn} is not found." if name.startswith("alias/") else f"Key '{arn}' does not exist"
        raise UnusableKey("NotFoundException", missing)
    _check_usable(record)
    return str(record["Arn"])


def _check_usable(record: Mapping[str, Any]) -> None:
    state = record["KeyState"]
    if state == "Disabled":
        raise UnusableKey("DisabledException", f"{record['Arn']} is disabled.")
    if state != "Enabled":
        words = {"PendingDeletion": "pending deletion", "PendingReplicaDeletion": "pending replica deletion"}
        raise UnusableKey("KMSInvalidStateException", f"{record['Arn']} is {words.get(state, state)}.")


Action = Callable[[Mapping[str, Any]], Reply]


def _make_describe(describe: Action) -> Action:
    """Return DescribeKey, which knows the keys that AWS manages for its services by their aliases."""

    def describe_key(data: Mapping[str, Any]) -> Reply:
        key = str(data.get("KeyId", ""))
        if not is_aws_managed(key):
            return describe(data)
        alias = key.rpartition(":")[2]
        number = str(uuid5(NAMESPACE_URL, f"{account_id()}/{region_name()}/{alias}"))
        metadata = {
            "AWSAccountId": account_id(),
            "KeyId": number,
            "Arn": f"arn:aws:kms:{region_name()}:{account_id()}:key/{number}",
            "Enabled": True,
            "KeyState": "Enabled",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyManager": "AWS",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "Origin": "AWS_KMS",
            "MultiRegion": False,
        }
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"KeyMetadata": metadata})

    return describe_key


def _make_schedule(schedule: Action) -> Action:
    def schedule_deletion(data: Mapping[str, Any]) -> Reply:
        record: MutableMapping[str, Any] | None = touch(f"{KMS}:_resolve_key")(data.get("KeyId", ""))
        if record is None or record.get("_mrk_type") != "REPLICA":
            return _without_date(schedule(data), record)
        # To the emulator a key of this region alone, which stays among the keys that its primary lists.
        record["MultiRegion"] = False
        try:
            return schedule(data)
        finally:
            record["MultiRegion"] = True

    return schedule_deletion


def _without_date(reply: Reply, record: MutableMapping[str, Any] | None) -> Reply:
    """Return the reply without the date of deletion while replicas stand: the waiting period has not begun."""
    status, headers, body = reply
    if status != 200 or record is None or record["KeyState"] != "PendingReplicaDeletion":
        return reply
    record.pop("DeletionDate", None)
    document = json.loads(text_of(body))
    document.pop("DeletionDate", None)
    return status, headers, json.dumps(document).encode()
