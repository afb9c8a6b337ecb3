from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, update
from local.adapter.templates import bucket, names, replication

_REGIONS = (PRIMARY, SECONDARY)


@pytest.fixture
def key(account: Account) -> str:
    """The id of a multi-Region key in both regions, with the alias `alias/uploads` in each."""
    kms = account.client("kms")
    key: str = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion=SECONDARY)
    for region in _REGIONS:
        account.client("kms", region).create_alias(AliasName="alias/uploads", TargetKeyId=key)
    return key


def _arn(account: Account, key: str, region: str) -> str:
    return f"arn:aws:kms:{region}:{account.id}:key/{key}"


def _default(key: str) -> dict[str, Any]:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [{**rule, "BucketKeyEnabled": True}]}}


def _rule(destination: str, key: str | None) -> dict[str, Any]:
    if key is None:
        return {"ReplicationConfiguration": replication(destination)}
    to = {"Bucket": f"arn:aws:s3:::{destination}", "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}
    criteria = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    return {
        "ReplicationConfiguration": replication(destination, Destination=to, SourceSelectionCriteria=criteria),
    }


def _pair(account: Account, default: str, replica_key: str | None) -> None:
    source, destination = names(account)
    second = bucket(destination, **_default("alias/uploads"))
    assert deploy(account, "destination", second, region=SECONDARY).status == "CREATE_COMPLETE"
    first = bucket(source, **_default(default), **_rule(destination, replica_key))
    assert deploy(account, "source", first).status == "CREATE_COMPLETE"


def _put(account: Account, place: int = 0, **options: Any) -> Any:
    region, name = _REGIONS[place], names(account)[place]
    account.s3(region).put_object(Bucket=name, Key="k", Body=b"body", **options)
    return account.s3(region).head_object(Bucket=name, Key="k")


def test_a_replica_has_the_key_of_its_own_region(account: Account, key: str) -> None:
    _pair(account, "alias/uploads", _arn(account, key, SECONDARY))
    head = _put(account)
    assert (head["SSEKMSKeyId"], head["BucketKeyEnabled"], head["ReplicationStatus"]) == (
        _arn(account, key, PRIMARY),
        True,
        "COMPLETED",
    )
    replica = account.s3(SECONDARY).get_object(Bucket=names(account)[1], Key="k")
    assert (replica["SSEKMSKeyId"], replica["Body"].read()) == (_arn(account, key, SECONDARY), b"body")


def test_what_a_key_encrypts_is_replicated_only_where_the_rule_says_so(account: Account, key: str) -> None:
    _pair(account, key, None)
    assert "ReplicationStatus" not in _put(account)
    assert _put(account, ServerSideEncryption="AES256")["ReplicationStatus"] == "COMPLETED"


def test_a_replica_fails_whose_key_is_not_there_or_off(account: Account, key: str) -> None:
    _pair(account, key, f"arn:aws:kms:{SECONDARY}:{account.id}:key/none")
    assert _put(account)["ReplicationStatus"] == "FAILED"
    rules = _rule(names(account)[1], _arn(account, key, SECONDARY))
    assert update(account, "source", bucket(names(account)[0], **_default(key), **rules)).status == "UPDATE_COMPLETE"
    account.client("kms", SECONDARY).disable_key(KeyId=key)
    assert _put(account)["ReplicationStatus"] == "FAILED"


def test_a_key_that_is_not_there_is_taken_by_the_bucket_and_refused_to_writes(account: Account, key: str) -> None:
    for default, reason in (
        ("alias/none", "KMS.NotFoundException.*alias/none is not found"),
        (_arn(account, key, SECONDARY), f"KMS.NotFoundException.*Invalid arn {SECONDARY}"),
    ):
        kind = deploy if reason.endswith("found") else update
        assert kind(account, "source", bucket(names(account)[0], **_default(default))).status.endswith("_COMPLETE")
        with pytest.raises(ClientError, match=reason):
            _put(account)
    managed = _put(account, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/aws/s3")
    assert managed["SSEKMSKeyId"] == f"arn:aws:kms:{PRIMARY}:{account.id}:alias/aws/s3"


def test_an_object_cannot_be_read_while_its_key_is_off(account: Account, key: str) -> None:
    deploy(account, "source", bucket(names(account)[0], **_default(key)))
    _put(account)
    account.client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        account.s3().get_object(Bucket=names(account)[0], Key="k")
    account.client("kms").enable_key(KeyId=key)
    assert account.s3().get_object(Bucket=names(account)[0], Key="k")["Body"].read() == b"body"
