"""Settings of buckets beside their objects, as S3 is told them and tells them."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.s3.settings import OWNER, SETTINGS

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

    from fake_aws.conftest import Deploy

POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
TEMPLATE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: kept
      OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]}
      PublicAccessBlockConfiguration: {BlockPublicAcls: "true", BlockPublicPolicy: false}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - {ServerSideEncryptionByDefault: {SSEAlgorithm: "aws:kms"}, BucketKeyEnabled: true}
      LifecycleConfiguration:
        Rules:
          - {Id: old, Status: Enabled, ExpiredObjectDeleteMarker: true,
             NoncurrentVersionExpiration: {NoncurrentDays: "30"},
             AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}}
  Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref Bucket, PolicyDocument: {Statement: []}}}
"""


@pytest.fixture
def s3(world: World) -> "S3Client":
    client = world.session().client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="plain")
    return client


def read(s3: "S3Client", noun: str, bucket: str = "plain") -> Any:
    verb = "list" if noun.endswith("Configurations") else "get"
    answer = getattr(s3, f"{verb}_{xform_name(noun)}")(Bucket=bucket)
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def code(s3: "S3Client", noun: str) -> str:
    with pytest.raises(ClientError) as caught:
        read(s3, noun)
    return str(caught.value.response["Error"]["Code"])


def test_a_new_bucket_is_closed_encrypted_by_s3_and_its_owner_s(s3: "S3Client") -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}

    assert read(s3, "BucketEncryption") == {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    assert set(read(s3, "PublicAccessBlock")["PublicAccessBlockConfiguration"].values()) == {True}
    assert read(s3, "BucketOwnershipControls")["OwnershipControls"]["Rules"][0]["ObjectOwnership"] == (
        "BucketOwnerEnforced"
    )
    acl = s3.get_bucket_acl(Bucket="plain")
    assert [grant["Grantee"].get("ID") for grant in acl["Grants"]] == [OWNER] == [acl["Owner"]["ID"]]
    assert read(s3, "BucketRequestPayment") == {"Payer": "BucketOwner"}


def test_what_nobody_set_is_an_error_or_nothing(s3: "S3Client") -> None:
    errors = {noun: setting.missing[0] for noun, setting in SETTINGS.items() if setting.missing}
    empty = {noun for noun, setting in SETTINGS.items() if not setting.missing and not setting.default}

    assert {noun: code(s3, noun) for noun in errors} == errors
    assert {noun: read(s3, noun) for noun in empty} == {
        noun: {"IsTruncated": False} if noun.endswith("Configurations") else {} for noun in empty
    }


def test_what_was_set_is_told_until_it_is_taken_away(s3: "S3Client", world: World) -> None:
    s3.put_bucket_policy(Bucket="plain", Policy=POLICY)
    s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="plain", Tagging={"TagSet": [{"Key": "team", "Value": "core"}]})
    rule: Any = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket="plain", LifecycleConfiguration={"Rules": [rule]})
    world.buckets["plain"].settings["BucketCors"] = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]

    assert read(s3, "BucketPolicy") == {"Policy": POLICY}
    assert s3.get_bucket_versioning(Bucket="plain")["Status"] == "Enabled"
    assert s3.get_bucket_tagging(Bucket="plain")["TagSet"] == [{"Key": "team", "Value": "core"}]
    assert s3.get_bucket_lifecycle_configuration(Bucket="plain")["Rules"] == [rule]
    assert read(s3, "BucketCors")["CORSRules"][0]["AllowedMethods"] == ["GET"]
    for _ in range(2):
        s3.delete_bucket_policy(Bucket="plain")
        s3.delete_bucket_lifecycle(Bucket="plain")
    assert code(s3, "BucketPolicy") == "NoSuchBucketPolicy"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="plain")


def test_what_a_template_says_is_told_as_s3_has_it(s3: "S3Client", deploy: "Deploy") -> None:
    assert deploy(TEMPLATE) == "CREATE_COMPLETE"

    (rule,) = read(s3, "BucketEncryption", "kept")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    assert read(s3, "PublicAccessBlock", "kept") == {
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": False}
    }
    assert json.loads(read(s3, "BucketPolicy", "kept")["Policy"]) == {"Statement": []}
    assert s3.get_bucket_lifecycle_configuration(Bucket="kept")["Rules"] == [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]


def test_a_stack_s_policy_fails_where_there_is_one_and_goes_with_it(
    s3: "S3Client", cfn: "CloudFormationClient", deploy: "Deploy", world: World
) -> None:
    alone = "Resources: {Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: plain, PolicyDocument: {}}}}"
    other = alone.replace("PolicyDocument: {}", "PolicyDocument: {Version: '2012-10-17'}")

    assert deploy(alone) == "CREATE_COMPLETE"
    assert read(s3, "BucketPolicy") == {"Policy": "{}"}
    assert deploy(other, "second") == "UPDATE_COMPLETE"
    assert read(s3, "BucketPolicy") == {"Policy": '{"Version": "2012-10-17"}'}
    assert deploy(alone, "third", "other") == "ROLLBACK_COMPLETE"
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName="other")
    assert "identifier 'plain' already exists" in str([*pages])
    assert read(s3, "BucketPolicy") == {"Policy": '{"Version": "2012-10-17"}'}
    cfn.delete_stack(StackName="app")
    world.settle()
    assert code(s3, "BucketPolicy") == "NoSuchBucketPolicy"
