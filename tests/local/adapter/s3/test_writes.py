import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import SECONDARY, Account, deploy
from local.adapter.control import paced
from local.adapter.templates import bucket, names, replication


@pytest.fixture
def account(account: Account) -> Account:
    """One with a bucket in each region, the primary's replicated to the secondary's."""
    source, destination = names(account)
    assert deploy(account, "destination", bucket(destination), region=SECONDARY).status == "CREATE_COMPLETE"
    rules = bucket(source, ReplicationConfiguration=replication(destination))
    assert deploy(account, "source", rules).status == "CREATE_COMPLETE"
    return account


def _put(account: Account, key: str, body: bytes = b"body", **options: Any) -> str:
    return account.s3().put_object(Bucket=names(account)[0], Key=key, Body=body, **options)["VersionId"]


def _status(account: Account, key: str, **options: Any) -> str | None:
    return account.s3().head_object(Bucket=names(account)[0], Key=key, **options).get("ReplicationStatus")


def _copy(account: Account, key: str) -> bytes | None:
    try:
        return account.s3(SECONDARY).get_object(Bucket=names(account)[1], Key=key)["Body"].read()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey"  # noqa: PT017  anything else is a failure
        return None


def test_an_object_is_in_both_buckets_at_once_by_default(account: Account) -> None:
    _put(account, "k")
    assert (_status(account, "k"), _copy(account, "k")) == ("COMPLETED", b"body")


@pytest.mark.alone
def test_a_delayed_object_is_pending_until_it_arrives(account: Account) -> None:
    with paced(account, "s3", delay_s=0.4):
        began = time.monotonic()
        _put(account, "k")
        assert (_status(account, "k"), _copy(account, "k")) == ("PENDING", None)
        while _copy(account, "k") is None:
            assert time.monotonic() < began + 10
        assert 0.3 < time.monotonic() - began < 0.8
        assert _status(account, "k") == "COMPLETED"
    copied = account.s3(SECONDARY).head_object(Bucket=names(account)[1], Key="k")
    assert copied["ReplicationStatus"] == "REPLICA"


def test_versions_that_were_paused_arrive_in_order(account: Account) -> None:
    with paced(account, "s3", paused=True):
        first = _put(account, "k", b"first")
        _put(account, "k", b"second")
    assert _copy(account, "k") == b"second"
    assert _status(account, "k", VersionId=first) == "COMPLETED"
    versions = account.s3(SECONDARY).list_object_versions(Bucket=names(account)[1])["Versions"]
    assert [version["IsLatest"] for version in versions] == [True, False]


def test_a_delete_marker_waits_as_an_object_does(account: Account) -> None:
    _put(account, "k")
    with paced(account, "s3", paused=True):
        account.s3().delete_object(Bucket=names(account)[0], Key="k")
        assert _copy(account, "k") == b"body"
    assert _copy(account, "k") is None


def test_a_version_that_is_deleted_before_it_was_copied_is_not_copied(account: Account) -> None:
    with paced(account, "s3", paused=True):
        version = _put(account, "k")
        account.s3().delete_object(Bucket=names(account)[0], Key="k", VersionId=version)
    assert _copy(account, "k") is None


def test_tags_arrive_with_their_object(account: Account) -> None:
    with paced(account, "s3", paused=True):
        _put(account, "k", Tagging="team=red")
    tags = account.s3(SECONDARY).get_object_tagging(Bucket=names(account)[1], Key="k")["TagSet"]
    assert tags == [{"Key": "team", "Value": "red"}]


def test_an_object_uploaded_in_parts_is_delayed_too(account: Account) -> None:
    at: Any = {"Bucket": names(account)[0], "Key": "k"}
    with paced(account, "s3", paused=True):
        upload = account.s3().create_multipart_upload(**at)["UploadId"]
        tag = account.s3().upload_part(**at, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        account.s3().complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
        assert (_status(account, "k"), _copy(account, "k")) == ("PENDING", None)
    assert (_status(account, "k"), _copy(account, "k")) == ("COMPLETED", b"part")


def test_what_no_rule_covers_is_not_pending(account: Account) -> None:
    with paced(account, "s3", paused=True):
        account.s3(SECONDARY).put_object(Bucket=names(account)[1], Key="k", Body=b"body")
        account.s3(SECONDARY).delete_object(Bucket=names(account)[1], Key="k")
        answer = account.s3(SECONDARY).list_object_versions(Bucket=names(account)[1])
    assert (len(answer["Versions"]), len(answer["DeleteMarkers"])) == (1, 1)
    assert account.s3().list_objects_v2(Bucket=names(account)[0])["KeyCount"] == 0


def test_an_object_fails_at_once_where_its_destination_is_gone(account: Account) -> None:
    account.s3(SECONDARY).delete_bucket(Bucket=names(account)[1])
    with paced(account, "s3", paused=True):
        _put(account, "k")
    assert _status(account, "k") == "FAILED"


def test_an_object_fails_on_arrival_where_its_destination_is_gone_by_then(account: Account) -> None:
    with paced(account, "s3", paused=True):
        _put(account, "k", Tagging="team=red")
        account.s3(SECONDARY).delete_bucket(Bucket=names(account)[1])
    assert _status(account, "k") == "FAILED"


THIRD = "eu-west-1"


def _third(account: Account) -> str:
    """Have the source replicate to a second bucket too, and return its name."""
    source, destination = names(account)
    third = f"{destination}-third"
    assert deploy(account, "third", bucket(third), region=THIRD).status == "CREATE_COMPLETE"
    s3 = account.s3()
    configuration = s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]
    (rule,) = configuration["Rules"]
    other: Any = {**rule, "ID": "third", "Priority": 7, "Destination": {"Bucket": f"arn:aws:s3:::{third}"}}
    s3.put_bucket_replication(
        Bucket=source, ReplicationConfiguration={"Role": configuration["Role"], "Rules": [rule, other]}
    )
    return third


def _keys(account: Account, third: str) -> set[str]:
    return {item["Key"] for item in account.s3(THIRD).list_objects_v2(Bucket=third).get("Contents", [])}


def test_an_object_goes_to_every_bucket_that_a_rule_names(account: Account) -> None:
    third = _third(account)
    _put(account, "k", Tagging="a=b")
    assert (_status(account, "k"), _copy(account, "k"), _keys(account, third)) == ("COMPLETED", b"body", {"k"})
    for region, name in ((SECONDARY, names(account)[1]), (THIRD, third)):
        tags = account.s3(region).get_object_tagging(Bucket=name, Key="k")["TagSet"]
        assert tags == [{"Key": "a", "Value": "b"}]
    account.s3().delete_object(Bucket=names(account)[0], Key="k")
    assert (_copy(account, "k"), _keys(account, third)) == (None, set())


def test_an_object_is_pending_until_the_last_bucket_has_it(account: Account) -> None:
    third = _third(account)
    with paced(account, "s3", paused=True):
        _put(account, "k", Tagging="a=b")
        assert (_status(account, "k"), _copy(account, "k"), _keys(account, third)) == ("PENDING", None, {"k"})
    assert (_copy(account, "k"), _status(account, "k")) == (b"body", "COMPLETED")
    assert account.s3(SECONDARY).get_object_tagging(Bucket=names(account)[1], Key="k")["TagSet"]
    assert len(account.s3(THIRD).list_object_versions(Bucket=third)["Versions"]) == 1


def test_a_rule_that_is_disabled_takes_its_own_bucket_alone(account: Account) -> None:
    third, s3 = _third(account), account.s3()
    configuration = s3.get_bucket_replication(Bucket=names(account)[0])["ReplicationConfiguration"]
    configuration["Rules"][0]["Status"] = "Disabled"
    s3.put_bucket_replication(Bucket=names(account)[0], ReplicationConfiguration=configuration)
    _put(account, "k")
    assert (_status(account, "k"), _copy(account, "k"), _keys(account, third)) == ("COMPLETED", None, {"k"})
