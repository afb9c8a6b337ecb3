"""KMS, as much as the deletion of a key takes.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
"""

from datetime import timedelta
from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates
from fake_aws.kms.effects import schedule_deletion, state
from fake_aws.refusals import AwsRefusal


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


OPERATIONS: dict[str, Operation] = {"ScheduleKeyDeletion": mutates(schedule, "KeyId", "PendingWindowInDays")}
