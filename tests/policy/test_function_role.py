"""What a function may do by `uses:`, held by IAM's own enforcement: what it names is enough, all else is denied."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Done, make_deployment
from builder.local import EmbeddedAws
from loaded_config import ABSENT, make_loaded_config
from policy.guarded import Guarded

REGION = "us-east-1"
TABLE_READS = {"get", "batch_get", "query", "scan", "check"}
TABLE_WRITES = {"put", "update", "delete", "batch_write"}
BUCKET_READS = {"get_object", "list", "missing"}
BUCKET_WRITES = {"put_object", "delete_object", "abort"}
NEVER = {"describe_table", "get_other", "list_other", "get_version", "policy", "versioning", "log_group"}
# A check is part of a write here: what is denied of it is the check, where only writing is allowed.
HANDLER = """
import os

import boto3
from botocore.exceptions import ClientError

db, s3, logs = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("logs")


def handler(event, context):
    table, bucket = event["table"], event["bucket"]
    key = {"id": {"S": "one"}}
    item = {"Key": key, "TableName": table}
    calls = {
        "get": lambda: db.get_item(**item),
        "batch_get": lambda: db.batch_get_item(RequestItems={table: {"Keys": [key]}}),
        "query": lambda: db.query(
            TableName=table, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "one"}}
        ),
        "scan": lambda: db.scan(TableName=table),
        "check": lambda: db.transact_write_items(
            TransactItems=[{"ConditionCheck": {**item, "ConditionExpression": "attribute_exists(id)"}}]
        ),
        "put": lambda: db.put_item(TableName=table, Item=key),
        "update": lambda: db.update_item(**item),
        "delete": lambda: db.delete_item(TableName=table, Key={"id": {"S": "gone"}}),
        "batch_write": lambda: db.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": key}}]}),
        "describe_table": lambda: db.describe_table(TableName=table),
        "get_other": lambda: db.get_item(TableName=event["other"], Key=key),
        "get_object": lambda: s3.get_object(Bucket=bucket, Key="one"),
        "missing": lambda: s3.get_object(Bucket=bucket, Key="missing"),
        "list": lambda: s3.list_objects_v2(Bucket=bucket),
        "list_other": lambda: s3.list_objects_v2(Bucket=event["other_bucket"]),
        "get_version": lambda: s3.list_object_versions(Bucket=bucket),
        "put_object": lambda: s3.put_object(Bucket=bucket, Key="one", Body=b"1"),
        "delete_object": lambda: s3.delete_object(Bucket=bucket, Key="gone"),
        "abort": lambda: s3.abort_multipart_upload(Bucket=bucket, Key="one", UploadId="none"),
        "policy": lambda: s3.get_bucket_policy(Bucket=bucket),
        "versioning": lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
        "log_group": lambda: logs.create_log_group(logGroupName="/mine"),
    }
    answers = {}
    for name, call in calls.items():
        try:
            call()
            answers[name] = "done"
        except ClientError as error:
            answers[name] = error.response["Error"]["Code"]
    return answers
"""
DENIED = {"AccessDenied", "AccessDeniedException"}
MODES = ("read", "write", "read_write")


@pytest.fixture(scope="module")
def deployed(strict: EmbeddedAws) -> Iterator[Guarded]:
    """A function of each mode, and one that uses nothing, in an account of their own with something to read."""
    functions: dict[str, Any] = {
        mode.replace("_", "-"): {"url": False, "uses": {"orders": mode, "uploads": mode}} for mode in MODES
    }
    loaded = make_loaded_config(
        HANDLER,
        table=ABSENT,
        bucket=ABSENT,
        function=ABSENT,
        tables={"orders": {}, "other": {}},
        buckets={"uploads": {}, "others": {}},
        functions={**functions, "none": {"url": False}},
    )
    assembly = make_assembly(loaded)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", strict.endpoint)
        account = Guarded("000000770078", deployment=make_deployment(assembly.manifest, assembly.templates, "dev"))
        ended = account.execute(account.admin, account.plan(account.admin))
        assert all(isinstance(outcome, Done) for outcome in ended), ended
        account.root.client("dynamodb").put_item(TableName="tap-dev-orders", Item={"id": {"S": "one"}})
        account.root.client("s3").put_object(Bucket=bucket(account, "uploads"), Key="one", Body=b"1")
        yield account


def bucket(account: Guarded, name: str) -> str:
    return f"tap-dev-{name}-{account.account}-{REGION}-an"


def answers(account: Guarded, function: str) -> dict[str, str]:
    """Return what the function was told of each call."""
    event = {
        "table": "tap-dev-orders",
        "other": "tap-dev-other",
        "bucket": bucket(account, "uploads"),
        "other_bucket": bucket(account, "others"),
    }
    answer = account.root.client("lambda").invoke(
        FunctionName=f"tap-dev-{function}-{REGION}", Payload=json.dumps(event).encode()
    )
    codes: dict[str, str] = json.loads(answer["Payload"].read())
    assert codes.keys() == TABLE_READS | TABLE_WRITES | BUCKET_READS | BUCKET_WRITES | NEVER, codes
    return codes


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("none", set[str]()),
        ("read", TABLE_READS | BUCKET_READS),
        ("write", TABLE_WRITES | BUCKET_WRITES),
        ("read-write", TABLE_READS | TABLE_WRITES | BUCKET_READS | BUCKET_WRITES),
    ],
)
def test_what_a_function_uses_is_allowed_and_nothing_else(deployed: Guarded, function: str, allowed: set[str]) -> None:
    codes = answers(deployed, function)
    assert {name for name, code in codes.items() if code not in DENIED} == allowed
    if "missing" in allowed:
        assert codes["missing"] == "NoSuchKey"
