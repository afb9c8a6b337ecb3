"""What a key encrypts is written and read by whom the key's policy and their own let, where policies are enforced."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.adapter.strict import Strict, allow

_VIA = {"StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"]}}


@pytest.fixture
def bucket(strict: Strict) -> str:
    """A bucket and a table under a key that the account's people may use through both services, by their policies."""
    root = {"Principal": {"AWS": f"arn:aws:iam::{strict.id}:root"}}
    policy = {"Version": "2012-10-17", "Statement": [allow("kms:*") | root]}
    key = strict.root("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    s3, name = strict.root("s3"), f"keyed-{strict.id}"
    s3.create_bucket(Bucket=name)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    strict.root("dynamodb").create_table(
        TableName="keyed",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    return name


def _outcome(call: Any, **request: Any) -> str:
    try:
        call(**request)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return ""


def test_a_key_is_used_through_the_service_by_who_may_use_it(strict: Strict, bucket: str) -> None:
    read = (allow("s3:GetObject", "s3:PutObject"), allow("dynamodb:GetItem", "dynamodb:PutItem"))
    via = {**allow("kms:Decrypt", "kms:GenerateDataKey"), "Condition": _VIA}
    for statements, reason in (
        ((), "AccessDenied"),
        ((allow("kms:Decrypt", StringEquals={"kms:ViaService": "sqs.us-east-1.amazonaws.com"}),), "AccessDenied"),
        ((via,), ""),
    ):
        s3 = strict.client_of(*read, *statements, service="s3")
        assert _outcome(s3.get_object, Bucket=bucket, Key="k").startswith(reason)
        assert ("kms:GenerateDataKey" in _outcome(s3.put_object, Bucket=bucket, Key="k", Body=b"y")) == bool(reason)
        table = strict.client_of(*read, *statements, service="dynamodb")
        outcome = _outcome(table.get_item, TableName="keyed", Key={"id": {"S": "1"}})
        assert ("not authorized to perform: kms:Decrypt" in outcome) == bool(reason), outcome
        put = [{"Put": {"TableName": "keyed", "Item": {"id": {"S": "1"}}}}]
        assert _outcome(table.transact_write_items, TransactItems=put).startswith(reason)


@pytest.mark.parametrize("lacking", ["", "s3:ReplicateObject", "s3:GetObjectVersionForReplication", "kms:Encrypt"])
def test_what_the_role_may_not_do_is_not_replicated(strict: Strict, bucket: str, lacking: str) -> None:
    s3, name = strict.root("s3"), f"{bucket}-copy"
    s3.create_bucket(Bucket=name)
    for each in (bucket, name):
        s3.put_bucket_versioning(Bucket=each, VersioningConfiguration={"Status": "Enabled"})
    key = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    arn = key["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    actions = (
        *("s3:GetReplicationConfiguration", "s3:ListBucket", "s3:GetObjectVersionForReplication"),
        *("s3:ReplicateObject", "kms:Decrypt", "kms:Encrypt"),
    )
    role = strict.role("copy", allow(*(action for action in actions if action != lacking)), service="s3.amazonaws.com")
    rule = {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {"Bucket": f"arn:aws:s3:::{name}", "EncryptionConfiguration": {"ReplicaKmsKeyID": arn}},
    }
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="copied", Body=b"x")
    status = s3.head_object(Bucket=bucket, Key="copied")["ReplicationStatus"]
    assert status == ("FAILED" if lacking else "COMPLETED")
