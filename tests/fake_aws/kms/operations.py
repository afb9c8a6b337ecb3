"""KMS, as much as it takes to delete a key, and to tell what it is and by which aliases it goes.

Sources: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html, API_DescribeKey and
API_ListAliases
"""

from datetime import timedelta
from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.kms.effects import AWS_MANAGED, arn_of, schedule_deletion, state
from fake_aws.refusals import AwsRefusal, Unsupported


def schedule(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ScheduleKeyDeletion, of a key by its id."""
    world, name = request.world, params["KeyId"]
    key = world.keys.get((request.account, request.region, name))
    arn = f"arn:aws:kms:{request.region}:{request.account}:key/{name}"
    if key is None or (now := state(world, key)) == "Gone":
        raise AwsRefusal("NotFoundException", f"Key '{arn}' does not exist")
    if now != "Enabled":
        raise AwsRefusal("KMSInvalidStateException", f"{arn} is pending deletion.")
    key.window = timedelta(days=params["PendingWindowInDays"])
    schedule_deletion(world, key)
    return {"KeyId": arn, "KeyState": state(world, key), "PendingWindowInDays": params["PendingWindowInDays"]}


def describe_key(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeKey, by id, ARN or alias."""
    arn = arn_of(request.world, request.account, request.region, params["KeyId"])
    name = arn.rpartition("/")[2]
    if name == AWS_MANAGED:
        return {"KeyMetadata": {"KeyId": name, "Arn": arn, "KeyManager": "AWS", "KeyState": "Enabled"}}
    key = request.world.keys.get((request.account, request.region, name))
    if key is None or state(request.world, key) == "Gone":
        raise AwsRefusal("NotFoundException", f"Key '{arn}' does not exist")
    return {
        "KeyMetadata": {
            "KeyId": name,
            "Arn": arn,
            "AWSAccountId": request.account,
            "KeyManager": "CUSTOMER",
            "KeyState": state(request.world, key),
            "MultiRegion": key.fixed.get("MultiRegion") == "true",
        }
    }


def list_aliases(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListAliases, of one key, a page at a time."""
    if "KeyId" not in params:
        raise Unsupported("ListAliases of all keys")
    arn = arn_of(request.world, request.account, request.region, params["KeyId"])
    here = (request.account, request.region)
    names = sorted(
        name
        for (*where, name), key in request.world.aliases.items()
        if tuple(where) == here and key == arn.rpartition("/")[2]
    )
    first = int(params.get("Marker", 0))
    shown = names[first : first + request.world.page_size]
    more = first + len(shown) < len(names)
    return {
        "Aliases": [{"AliasName": name, "TargetKeyId": arn.rpartition("/")[2]} for name in shown],
        "Truncated": more,
        "NextMarker": str(first + len(shown)) if more else None,
    }


OPERATIONS: dict[str, Operation] = {
    "ScheduleKeyDeletion": mutates(schedule, "KeyId", "PendingWindowInDays"),
    "DescribeKey": reads(describe_key, "KeyId"),
    "ListAliases": reads(list_aliases, "KeyId", "Marker"),
}
