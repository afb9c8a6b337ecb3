import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.s3.bucket import destinations, find_refusal, make_body, make_request_body, read_configuration
from local.account import Account, deploy, update
from local.adapter.templates import bucket, names, replication

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
    (encryption,) = account.s3().get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"] == rule["ServerSideEncryptionByDefault"]
    assert encryption["BucketKeyEnabled"] is True


def test_ownership_controls_are_put(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}))
    controls = account.s3().get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]


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


_TAG = {"Key": "a", "Value": "b"}


def test_a_body_is_in_the_words_of_the_s3_api() -> None:
    body = make_request_body(replication("there", Filter={"And": {"Prefix": "p/", "TagFilters": [_TAG]}})).decode()
    assert "<ID>all</ID>" in body
    assert "<And><Prefix>p/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>" in body


def test_what_is_kept_is_read_back_as_the_template_said_it() -> None:
    tagged = {"Filter": {"And": {"Prefix": "p/", "Tags": [_TAG]}}}
    kept = {"Role": "role", "Rules": [{"ID": "a", **tagged}, {"ID": "b", "Filter": {"Tag": _TAG}}, {"Prefix": ""}]}
    assert read_configuration(kept) == {
        "Role": "role",
        "Rules": [
            {"Id": "a", "Filter": {"And": {"Prefix": "p/", "TagFilters": [_TAG]}}},
            {"Id": "b", "Filter": {"TagFilter": _TAG}},
            {"Prefix": ""},
        ],
    }


def test_a_single_tag_is_translated_too() -> None:
    body = make_request_body(replication("there", Filter={"TagFilter": _TAG})).decode()
    assert "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>" in body


def test_a_priority_given_as_a_parameters_text_is_a_number() -> None:
    assert b"<Priority>7</Priority>" in make_request_body(replication("there", Priority="7"))


def test_destinations_are_bucket_names() -> None:
    assert destinations(replication("there")) == ["there"]


def test_an_ordinary_rule_is_not_refused() -> None:
    assert find_refusal(replication("there")) is None


def test_a_rule_of_the_older_schema_needs_neither_priority_nor_delete_markers() -> None:
    older = replication("there", Filter=None, Priority=None, DeleteMarkerReplication=None)
    assert find_refusal(older) is None
    assert b"<Priority>" not in make_request_body(older)


def test_a_filter_requires_priority_and_delete_marker_replication() -> None:
    for required in ("Priority", "DeleteMarkerReplication"):
        refusal = find_refusal(replication("there", **{required: None}))
        assert refusal is not None
        assert refusal.startswith(f"{required} must be specified")


def test_a_tag_filter_excludes_delete_markers() -> None:
    for tagged in ({"TagFilter": _TAG}, {"And": {"TagFilters": [_TAG]}}):
        refusal = find_refusal(replication("there", Filter=tagged))
        assert refusal is not None
        assert "Delete marker replication is not supported" in refusal
    assert (
        find_refusal(replication("there", Filter={"TagFilter": _TAG}, DeleteMarkerReplication={"Status": "Disabled"}))
        is None
    )


def test_a_body_is_the_operations_xml_with_s3s_namespace() -> None:
    body = make_body("PutBucketTagging", Tagging={"TagSet": [{"Key": "a", "Value": "<b>"}]}).decode()
    assert body.startswith('<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
    assert "<Tag><Key>a</Key><Value>&lt;b&gt;</Value></Tag>" in body


def test_object_lock_is_set_at_creation_and_for_ever(account: Account) -> None:
    rule = {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "1"}}}
    lock = {"ObjectLockEnabled": True, "VersioningConfiguration": None}
    name = f"locked-{account.id}"
    locked = bucket(name, **lock, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **rule})
    assert deploy(account, "one", locked).status == "CREATE_COMPLETE"
    s3 = account.s3()
    configuration = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert configuration == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
    }
    version = s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=name, Key="k", VersionId=version)
    assert update(account, "one", bucket(name, **lock)).status == "UPDATE_COMPLETE"
    assert "Rule" not in s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert "can't be changed" in update(account, "one", bucket(name)).reason
    assert "cannot be enabled" in deploy(account, "two", bucket(f"{name}-2", ObjectLockConfiguration=rule)).reason


def test_a_key_goes_with_an_encryption_that_has_one(account: Account) -> None:
    default = {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "alias/any"}
    encryption = {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": default}]}
    refused = deploy(account, "one", bucket(f"odd-{account.id}", BucketEncryption=encryption))
    assert (refused.status, "is not applicable" in refused.reason) == ("ROLLBACK_COMPLETE", True)
