"""STS: who am I, and becoming someone else.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and API_AssumeRole
"""

import string
from datetime import UTC, datetime, timedelta
from typing import Any

from fake_aws.calls import Identity, Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal


def get_caller_identity(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetCallerIdentity."""
    identity = request.identity
    return {"UserId": f"AIDA{identity.account}", "Account": identity.account, "Arn": identity.arn}


def assume_role(request: Request, params: dict[str, Any]) -> Reply:
    """Answer AssumeRole: any role of any account, unless the test forbade it."""
    arn, name = params["RoleArn"], params["RoleSessionName"]
    world = request.world
    if arn in world.forbidden_roles:
        raise AwsRefusal(
            "AccessDenied",
            f"User: {request.identity.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            status=403,
        )
    account, role = arn.split(":")[4], arn.rpartition("/")[2]
    key = "ASIA" + "".join(world.random.choices(string.ascii_uppercase + string.digits, k=16))
    assumed = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    world.remember_identity(Identity(account, assumed, key))
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": "fake-secret",
            "SessionToken": "fake-token",
            # botocore holds it against the machine's clock, not against virtual time.
            "Expiration": datetime.now(UTC) + timedelta(seconds=params.get("DurationSeconds", 3600)),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"AROA{account}:{name}", "Arn": assumed},
    }


OPERATIONS: dict[str, Operation] = {
    "GetCallerIdentity": reads(get_caller_identity),
    "AssumeRole": mutates(assume_role, "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"),
}
