"""Buckets and their policies taken into a stack as they stand, and what the next update does to them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, take_in, update
from local.adapter.templates import HANDLE, bucket, kept, names, replication

_LIFECYCLE: Any = {
    "Rules": [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        }
    ]
}
_TAGS: Any = {"TagSet": [{"Key": "team", "Value": "red"}]}


def _document(name: str) -> str:
    statement = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _make(account: Account, name: str, region: str = PRIMARY) -> None:
    """Make a versioned bucket by hand."""
    s3 = account.s3(region)
    place: Any = {} if region == PRIMARY else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _furnish(account: Account, source: str, destination: str) -> None:
    """Give a bucket all that somebody may have set on it."""
    s3 = account.s3()
    _make(account, source)
    _make(account, destination, SECONDARY)
    rule: Any = {
        "Role": "arn:aws:iam::123456789012:role/replication",
        "Rules": [
            {
                "ID": "all",
                "Status": "Enabled",
                "Priority": 1,
                "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Enabled"},
                "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
            }
        ],
    }
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=rule)
    s3.put_bucket_lifecycle_configuration(Bucket=source, LifecycleConfiguration=_LIFECYCLE)
    s3.put_bucket_policy(Bucket=source, Policy=_document(source))
    s3.put_bucket_notification_configuration(Bucket=source, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_bucket_tagging(Bucket=source, Tagging=_TAGS)
    for body in (b"one", b"two"):
        s3.put_object(Bucket=source, Key="k", Body=body)


def _settings(account: Account, name: str) -> dict[str, Any]:
    s3 = account.s3()
    return {
        "versioning": s3.get_bucket_versioning(Bucket=name)["Status"],
        "rules": s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"],
        "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"],
        "policy": json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]),
        "events": "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name),
        "tags": s3.get_bucket_tagging(Bucket=name)["TagSet"],
        "versions": [each["VersionId"] for each in s3.list_object_versions(Bucket=name)["Versions"]],
    }


def test_what_the_template_does_not_say_stays_through_the_import_and_the_next_update(account: Account) -> None:
    source, destination = names(account)
    _furnish(account, source, destination)
    before = _settings(account, source)
    plain = kept({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": source}}})
    assert take_in(account, "one", plain, {"Bucket": {"BucketName": source}}).status == "IMPORT_COMPLETE"
    assert _settings(account, source) == before
    closed = {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    changed = kept(bucket(source, VersioningConfiguration=None, PublicAccessBlockConfiguration=closed))
    assert update(account, "one", changed).status == "UPDATE_COMPLETE"
    assert _settings(account, source) == before


def test_what_the_next_template_says_is_put_in_place(account: Account) -> None:
    source, destination = names(account)
    _furnish(account, source, destination)
    versions = _settings(account, source)["versions"]
    take_in(account, "one", kept(bucket(source)), {"Bucket": {"BucketName": source}})
    rules = {**replication(destination), "Role": "arn:aws:iam::123456789012:role/another"}
    assert update(account, "one", kept(bucket(source, ReplicationConfiguration=rules))).status == "UPDATE_COMPLETE"
    after = _settings(account, source)
    assert (after["rules"]["Role"], after["versions"]) == (rules["Role"], versions)
    assert update(account, "one", kept(bucket(source))).status == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFound"):
        account.s3().get_bucket_replication(Bucket=source)


def test_the_stack_s_tags_are_added_to_a_bucket_s_own(account: Account) -> None:
    source, _ = names(account)
    _make(account, source)
    account.s3().put_bucket_tagging(Bucket=source, Tagging=_TAGS)
    deploy(account, "one", HANDLE, Tags=[{"Key": "builder:stack", "Value": "one"}])
    taken = {**HANDLE, **kept(bucket(source, Tags=_TAGS["TagSet"]))}
    take_in(account, "one", taken, {"Bucket": {"BucketName": source}})
    tags = {each["Key"]: each["Value"] for each in account.s3().get_bucket_tagging(Bucket=source)["TagSet"]}
    assert tags == {"team": "red", "builder:stack": "one"}


def test_tags_are_added_also_where_a_change_set_imports_what_exists(account: Account) -> None:
    source, _ = names(account)
    _make(account, source)
    tags = [{"Key": "builder:stack", "Value": "one"}]
    made = deploy(account, "one", kept(bucket(source)), ImportExistingResources=True, Tags=tags)
    assert [each["ResourceChange"]["Action"] for each in made.changes] == ["Import"]
    assert account.s3().get_bucket_tagging(Bucket=source)["TagSet"] == tags


def test_a_bucket_of_another_region_is_not_found(account: Account) -> None:
    _, destination = names(account)
    _make(account, destination, SECONDARY)
    client = account.cloudformation()
    target: Any = {
        "ResourceType": "AWS::S3::Bucket",
        "LogicalResourceId": "Bucket",
        "ResourceIdentifier": {"BucketName": destination},
    }
    made = client.create_change_set(
        StackName="one",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": kept(bucket(destination))}),
        ResourcesToImport=[target],
    )
    described = client.describe_change_set(ChangeSetName=made["Id"])
    assert (described["Status"], described["StatusReason"]) == ("FAILED", "Bucket not found")


def _policy(name: str) -> dict[str, Any]:
    properties = {"Bucket": name, "PolicyDocument": json.loads(_document(name))}
    return {"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}


def test_a_bucket_and_its_policy_are_taken_in_together(account: Account) -> None:
    source, destination = names(account)
    _furnish(account, source, destination)
    before = _settings(account, source)
    both = kept({**bucket(source, Tags=_TAGS["TagSet"]), **_policy(source)})
    identifiers = {"Bucket": {"BucketName": source}, "Policy": {"Bucket": source}}
    imported = take_in(account, "one", both, identifiers)
    assert imported.status == "IMPORT_COMPLETE"
    assert [each["ResourceChange"]["PhysicalResourceId"] for each in imported.changes] == [source, source]
    assert _settings(account, source) == before
    assert destroy(account, "one").status == "DELETE_COMPLETE"
    assert _settings(account, source) == before


def test_a_policy_that_nobody_wrote_is_not_found(account: Account) -> None:
    source, _ = names(account)
    _make(account, source)
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        take_in(account, "one", kept(_policy(source)), {"Policy": {"Bucket": source}})


def test_a_policy_is_not_made_in_the_place_of_somebody_else_s(account: Account) -> None:
    source, _ = names(account)
    _make(account, source)
    account.s3().put_bucket_policy(Bucket=source, Policy=_document(source))
    made = deploy(account, "one", _policy(source))
    assert made.status == "ROLLBACK_COMPLETE"
    assert f"The bucket policy already exists on bucket {source}." in made.reason
    assert json.loads(account.s3().get_bucket_policy(Bucket=source)["Policy"]) == json.loads(_document(source))


def test_a_policy_is_called_like_its_bucket(account: Account) -> None:
    source, _ = names(account)
    resources = {**bucket(source), **_policy(source)}
    resources["Policy"]["DependsOn"] = "Bucket"
    made = deploy(account, "one", resources, outputs={"Name": {"Value": {"Ref": "Policy"}}})
    assert made.outputs == {"Name": source}
    again = _policy(source)
    again["Policy"]["Properties"]["PolicyDocument"]["Statement"][0]["Sid"] = "Another"
    updated = update(account, "one", {**bucket(source), "Policy": {**again["Policy"], "DependsOn": "Bucket"}})
    assert updated.status == "UPDATE_COMPLETE"
    assert '"Another"' in account.s3().get_bucket_policy(Bucket=source)["Policy"]
