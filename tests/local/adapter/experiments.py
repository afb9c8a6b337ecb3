"""Experiment templates as a drill would ask for them."""

from typing import Any

import boto3

from local.account import PRIMARY, SECONDARY, Account

TABLES = "aws:dynamodb:global-table-pause-replication"
BUCKETS = "aws:s3:bucket-pause-replication"


def fis(account: Account, region: str = PRIMARY) -> Any:
    """A client."""
    return boto3.client(
        "fis",
        region_name=region,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.id,
        aws_secret_access_key="any",
    )


def template(*, table: str = "", bucket: str = "", region: str = PRIMARY, account: str = "") -> dict[str, Any]:
    """A template that pauses the replication of a table, of a bucket, or of both, for five minutes."""
    actions, targets = {}, {}
    if table:
        arn = f"arn:aws:dynamodb:{region}:{account}:table/{table}"
        targets["table"] = _target("aws:dynamodb:global-table", resourceArns=[arn])
        actions["pause-table"] = _action(TABLES, Tables="table")
    if bucket:
        targets["bucket"] = _target("aws:s3:bucket", resourceArns=[f"arn:aws:s3:::{bucket}"])
        actions["pause-bucket"] = _action(BUCKETS, Buckets="bucket", region=SECONDARY)
    return {
        "description": "pause",
        "roleArn": "arn:aws:iam::123456789012:role/fis",
        "stopConditions": [{"source": "none"}],
        "targets": targets,
        "actions": actions,
    }


def _target(kind: str, **chosen: Any) -> dict[str, Any]:
    return {"resourceType": kind, "selectionMode": "ALL", **chosen}


def _action(kind: str, *, region: str = "", **targets: str) -> dict[str, Any]:
    parameters = {"duration": "PT5M", **({"region": region} if region else {})}
    return {"actionId": kind, "parameters": parameters, "targets": targets}
