from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.handlers import HandlerError
from builder.local.adapter.s3.bucket import find_name
from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import bucket, names, replication


def _pair(account: Account, **rule: Any) -> tuple[str, str]:
    """Deploy a source in the primary region that replicates to a destination in the secondary."""
    source, destination = names(account)
    assert deploy(account, "destination", bucket(destination), region=SECONDARY).status == "CREATE_COMPLETE"
    resources = bucket(source, ReplicationConfiguration=replication(destination, **rule))
    assert deploy(account, "source", resources).status == "CREATE_COMPLETE"
    return source, destination


def _exists(account: Account, name: str) -> bool:
    return name in [bucket["Name"] for bucket in account.s3().list_buckets()["Buckets"]]


def test_an_object_arrives_with_its_metadata(account: Account) -> None:
    source, destination = _pair(account)
    account.s3().put_object(Bucket=source, Key="a/b", Body=b"what", Metadata={"who": "ann"}, ContentType="text/plain")
    copy = account.s3(SECONDARY).get_object(Bucket=destination, Key="a/b")
    assert (copy["Body"].read(), copy["Metadata"], copy["ContentType"]) == (b"what", {"who": "ann"}, "text/plain")
    assert copy["ReplicationStatus"] == "REPLICA"
    assert account.s3().head_object(Bucket=source, Key="a/b")["ReplicationStatus"] == "COMPLETED"


def test_a_multipart_upload_arrives(account: Account) -> None:
    source, destination = _pair(account)
    client = account.s3()
    upload = client.create_multipart_upload(Bucket=source, Key="big")["UploadId"]
    part = client.upload_part(Bucket=source, Key="big", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket=source, Key="big", UploadId=upload, MultipartUpload=parts)  # type: ignore[arg-type]
    assert account.s3(SECONDARY).get_object(Bucket=destination, Key="big")["Body"].read() == b"part"


def test_a_delete_marker_arrives(account: Account) -> None:
    source, destination = _pair(account)
    account.s3().put_object(Bucket=source, Key="k", Body=b"")
    account.s3().delete_object(Bucket=source, Key="k")
    listed = account.s3(SECONDARY).list_object_versions(Bucket=destination)
    assert [marker["Key"] for marker in listed["DeleteMarkers"]] == ["k"]


def test_a_rule_says_which_objects_and_whether_delete_markers(account: Account) -> None:
    source, destination = _pair(account, Filter={"Prefix": "in/"}, DeleteMarkerReplication={"Status": "Disabled"})
    for key in ("in/k", "out/k"):
        account.s3().put_object(Bucket=source, Key=key, Body=b"")
    account.s3().delete_object(Bucket=source, Key="in/k")
    listed = account.s3(SECONDARY).list_object_versions(Bucket=destination)
    assert [version["Key"] for version in listed["Versions"]] == ["in/k"]
    assert "DeleteMarkers" not in listed


def test_rules_can_be_added_and_removed(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    deploy(account, "source", bucket(source))
    added = update(account, "source", bucket(source, ReplicationConfiguration=replication(destination)))
    assert added.changes[0]["ResourceChange"]["Replacement"] == "False"
    account.s3().put_object(Bucket=source, Key="while", Body=b"")
    update(account, "source", bucket(source))
    account.s3().put_object(Bucket=source, Key="after", Body=b"")
    listed = account.s3(SECONDARY).list_objects_v2(Bucket=destination)
    assert [object_["Key"] for object_ in listed["Contents"]] == ["while"]


def test_versioning_and_rules_can_be_added_together_and_taken_back_together(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    plain = bucket(source, VersioningConfiguration=None)
    deploy(account, "source", plain)
    added = update(account, "source", bucket(source, ReplicationConfiguration=replication(destination)))
    assert added.status == "UPDATE_COMPLETE"
    assert account.s3().get_bucket_versioning(Bucket=source)["Status"] == "Enabled"
    assert update(account, "source", plain).status == "UPDATE_COMPLETE"
    assert account.s3().get_bucket_versioning(Bucket=source)["Status"] == "Suspended"


@pytest.mark.parametrize(
    ("source_versioning", "destination_versioning", "reason"),
    [
        pytest.param(None, {"Status": "Enabled"}, "Versioning must be 'Enabled' on the bucket", id="source"),
        pytest.param({"Status": "Enabled"}, None, "Destination bucket must have versioning enabled", id="destination"),
    ],
)
def test_both_buckets_must_be_versioned(
    account: Account, source_versioning: object, destination_versioning: object, reason: str
) -> None:
    source, destination = names(account)
    deploy(
        account, "destination", bucket(destination, VersioningConfiguration=destination_versioning), region=SECONDARY
    )
    rules = replication(destination)
    ended = deploy(
        account, "source", bucket(source, VersioningConfiguration=source_versioning, ReplicationConfiguration=rules)
    )
    assert ended.status == "ROLLBACK_COMPLETE"
    assert reason in ended.reason
    assert not _exists(account, source)


def test_the_destination_must_exist(account: Account) -> None:
    source, destination = names(account)
    ended = deploy(account, "source", bucket(source, ReplicationConfiguration=replication(destination)))
    assert "Destination bucket must exist" in ended.reason
    assert not _exists(account, source)


def test_a_rule_with_a_filter_needs_a_word_on_delete_markers(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    rules = replication(destination, DeleteMarkerReplication=None)
    ended = deploy(account, "source", bucket(source, ReplicationConfiguration=rules))
    assert "DeleteMarkerReplication must be specified" in ended.reason


def test_rules_that_s3_refuses_leave_no_bucket_behind(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    timed = {"Bucket": f"arn:aws:s3:::{destination}", "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}}
    ended = deploy(
        account, "source", bucket(source, ReplicationConfiguration=replication(destination, Destination=timed))
    )
    assert "both ReplicationTime and Metrics" in ended.reason
    assert not _exists(account, source)


def test_refused_rules_leave_the_old_ones_in_force(account: Account) -> None:
    source, destination = _pair(account)
    ended = update(account, "source", bucket(source, ReplicationConfiguration=replication("no-such-bucket-anywhere")))
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    account.s3().put_object(Bucket=source, Key="k", Body=b"")
    assert account.s3(SECONDARY).head_object(Bucket=destination, Key="k")


def test_an_empty_bucket_goes_with_its_stack(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name))
    assert destroy(account, "bucket").status == "DELETE_COMPLETE"
    assert not _exists(account, name)


def test_a_bucket_that_is_gone_does_not_stop_the_deletion(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name))
    account.s3().delete_bucket(Bucket=name)
    assert destroy(account, "bucket").status == "DELETE_COMPLETE"


@pytest.mark.parametrize("left", ["object", "old version", "delete marker"])
def test_a_bucket_that_is_not_empty_refuses_its_stacks_deletion(account: Account, left: str) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name))
    client = account.s3()
    version = client.put_object(Bucket=name, Key="k", Body=b"data")["VersionId"]
    if left != "object":
        marker = client.delete_object(Bucket=name, Key="k")["VersionId"]
        client.delete_object(Bucket=name, Key="k", VersionId=marker if left == "old version" else version)
    ended = destroy(account, "bucket")
    assert ended.status == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in ended.reason
    listed = client.list_object_versions(Bucket=name)
    assert len(listed.get("Versions", [])) + len(listed.get("DeleteMarkers", [])) == 1


def test_an_emptied_bucket_goes_when_the_deletion_is_tried_again(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name))
    version = account.s3().put_object(Bucket=name, Key="k", Body=b"data")["VersionId"]
    assert destroy(account, "bucket").status == "DELETE_FAILED"
    account.s3().delete_object(Bucket=name, Key="k", VersionId=version)
    assert destroy(account, "bucket").status == "DELETE_COMPLETE"


def test_somebody_elses_bucket_is_neither_taken_over_nor_deleted(account: Account) -> None:
    name, _ = names(account)
    account.s3().create_bucket(Bucket=name)
    ended = deploy(account, "bucket", bucket(name))
    assert ended.status == "ROLLBACK_COMPLETE"
    assert _exists(account, name)


def test_a_bucket_that_appeared_after_validation_is_not_taken_over(account: Account) -> None:
    name, _ = names(account)
    client = account.cloudformation()
    account.s3().create_bucket(Bucket=name)
    made = client.create_stack(StackName="bucket", TemplateBody=_template(name), DisableValidation=True)
    stack = client.describe_stacks(StackName=made["StackId"])["Stacks"][0]
    while stack["StackStatus"].endswith("_IN_PROGRESS"):
        stack = client.describe_stacks(StackName=made["StackId"])["Stacks"][0]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _exists(account, name)


def _template(name: str) -> str:
    return f"Resources: {{Bucket: {{Type: 'AWS::S3::Bucket', Properties: {{BucketName: {name}}}}}}}"


def test_a_bucket_without_a_name_gets_one(account: Account) -> None:
    made = deploy(account, "bucket", bucket("", BucketName=None), outputs={"Name": {"Value": {"Ref": "Bucket"}}})
    assert _exists(account, made.outputs["Name"])


def test_a_name_in_the_account_regional_namespace_is_taken(account: Account) -> None:
    name = f"tap-test-{account.id}-{PRIMARY}-an"
    made = deploy(account, "bucket", bucket(name, BucketNamespace="account-regional"))
    assert made.status == "CREATE_COMPLETE"
    assert account.s3().head_bucket(Bucket=name)["BucketRegion"] == PRIMARY


def test_a_prefix_is_completed_to_a_name_in_that_namespace(account: Account) -> None:
    resources = bucket("", BucketName=None, BucketNamePrefix="tap-test", BucketNamespace="account-regional")
    assert deploy(account, "bucket", resources).status == "CREATE_COMPLETE"
    assert _exists(account, f"tap-test-{account.id}-{PRIMARY}-an")
    tagged = {"Bucket": {**resources["Bucket"]}}
    tagged["Bucket"]["Properties"] = {**resources["Bucket"]["Properties"], "Tags": [{"Key": "a", "Value": "b"}]}
    assert update(account, "bucket", tagged).status == "UPDATE_COMPLETE"
    assert _exists(account, f"tap-test-{account.id}-{PRIMARY}-an")


def test_another_name_replaces_the_bucket(account: Account) -> None:
    first, second = names(account)
    deploy(account, "bucket", bucket(first))
    renamed = update(account, "bucket", bucket(second))
    assert renamed.changes[0]["ResourceChange"]["Replacement"] == "True"
    assert (_exists(account, first), _exists(account, second)) == (False, True)


def test_a_refusal_names_the_handlers_code() -> None:
    with pytest.raises(HandlerError, match="HandlerErrorCode: InvalidRequest"):
        raise HandlerError("no", service="S3")


def test_a_bucket_of_another_account_does_not_exist_here(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "bucket", bucket(name))
    stranger = Account(endpoint=account.endpoint, id="999999999999")
    with pytest.raises(ClientError):
        stranger.s3().head_bucket(Bucket=name)


_HERE = {"account": "123456789012", "region": "us-west-2"}
_SUFFIX = "-123456789012-us-west-2-an"


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c", "1-2", "tap-dev-123456789012-us-west-2"])
def test_a_valid_name_is_kept(name: str) -> None:
    assert find_name({"BucketName": name}, **_HERE) == name


def test_no_name_has_one_made_up() -> None:
    assert find_name({}, **_HERE) is None


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.1.1", "xn--a", "sthree-a"),
        *("amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"),
    ],
)
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(HandlerError, match="The specified bucket is not valid"):
        find_name({"BucketName": name}, **_HERE)


def test_a_full_name_of_the_account_and_region_is_taken() -> None:
    props = {"BucketName": f"tap-dev{_SUFFIX}", "BucketNamespace": "account-regional"}
    assert find_name(props, **_HERE) == f"tap-dev{_SUFFIX}"


def test_a_prefix_is_completed() -> None:
    props = {"BucketNamePrefix": "tap-dev", "BucketNamespace": "account-regional"}
    assert find_name(props, **_HERE) == f"tap-dev{_SUFFIX}"


@pytest.mark.parametrize(
    "name", ["tap-dev", "tap-123456789012-us-east-1-an", "tap-210987654321-us-west-2-an", _SUFFIX.removeprefix("-")]
)
def test_a_name_of_another_account_or_region_is_refused(name: str) -> None:
    with pytest.raises(HandlerError, match="must be named <prefix>-123456789012-us-west-2-an"):
        find_name({"BucketName": name, "BucketNamespace": "account-regional"}, **_HERE)


def test_the_suffix_counts_in_the_63_characters() -> None:
    fits = "a" * (63 - len(_SUFFIX))
    regional = {"BucketNamespace": "account-regional"}
    assert len(find_name({"BucketNamePrefix": fits, **regional}, **_HERE) or "") == 63
    with pytest.raises(HandlerError, match="not valid"):
        find_name({"BucketNamePrefix": f"{fits}a", **regional}, **_HERE)


def test_the_suffix_is_reserved_for_the_namespace() -> None:
    with pytest.raises(HandlerError, match="reserved"):
        find_name({"BucketName": f"tap{_SUFFIX}"}, **_HERE)


def test_a_name_and_a_prefix_exclude_each_other() -> None:
    with pytest.raises(HandlerError, match="together"):
        find_name({"BucketName": "abc", "BucketNamePrefix": "abc"}, **_HERE)
