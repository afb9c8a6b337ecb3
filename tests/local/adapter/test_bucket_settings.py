import pytest
from botocore.exceptions import ClientError

from local.account import Account, deploy, update
from local.adapter.templates import bucket, names

_LIFECYCLE = {
    "Rules": [
        {
            "Id": "old",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "ExpiredObjectDeleteMarker": True,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "Status": "Disabled",
            "Prefix": "logs/",
            "ExpirationInDays": 365,
            "TagFilters": [{"Key": "a", "Value": "b"}],
            "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
            "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 10}],
        },
    ]
}


def test_lifecycle_rules_are_put_and_deleted(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name, LifecycleConfiguration=_LIFECYCLE))
    old, logs = account.s3().get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert old == {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    assert logs["Filter"]["And"]["Prefix"] == "logs/"
    assert logs["Filter"]["And"]["Tags"] == [{"Key": "a", "Value": "b"}]
    assert logs["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    assert logs["NoncurrentVersionTransitions"] == [{"NoncurrentDays": 10, "StorageClass": "GLACIER"}]
    update(account, "bucket", bucket(name))
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        account.s3().get_bucket_lifecycle_configuration(Bucket=name)


def test_a_rule_that_s3_refuses_leaves_no_bucket_behind(account: Account) -> None:
    name, _ = names(account)
    refused = {"Rules": [{"Status": "Sometimes"}]}
    ended = deploy(account, "bucket", bucket(name, LifecycleConfiguration=refused))
    assert ended.status == "ROLLBACK_COMPLETE"
    assert account.s3().list_buckets()["Buckets"] == []


def test_encryption_is_put(account: Account) -> None:
    name, _ = names(account)
    rule = {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/own"},
        "BucketKeyEnabled": True,
    }
    deploy(account, "bucket", bucket(name, BucketEncryption={"ServerSideEncryptionConfiguration": [rule]}))
    (found,) = account.s3().get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found["ApplyServerSideEncryptionByDefault"] == rule["ServerSideEncryptionByDefault"]
    assert found["BucketKeyEnabled"] is True


def test_ownership_controls_are_put(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}))
    found = account.s3().get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert found["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]


def test_a_buckets_tags_are_its_own_the_stacks_and_cloudformations(account: Account) -> None:
    name, _ = names(account)
    own = bucket(name, Tags=[{"Key": "own", "Value": "1"}])
    deploy(account, "bucket", own, Tags=[{"Key": "of-the-stack", "Value": "2"}])
    tags = {tag["Key"]: tag["Value"] for tag in account.s3().get_bucket_tagging(Bucket=name)["TagSet"]}
    assert f":{account.id}:stack/bucket/" in tags.pop("aws:cloudformation:stack-id")
    assert tags == {
        "own": "1",
        "of-the-stack": "2",
        "aws:cloudformation:stack-name": "bucket",
        "aws:cloudformation:logical-id": "Bucket",
    }
