from typing import Any

import pytest

from components.templates import THREE, properties, statements, template, templates

BUCKET = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-${AWS::AccountId}-"


def test_the_replication_role_may_do_exactly_what_replication_takes() -> None:
    assert statements(template("us-east-1/storage"), "ReplicationRole") == [
        {
            "Sid": "ReadConfiguration",
            "Effect": "Allow",
            "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            "Resource": [{"Fn::Sub": f"{BUCKET}${{AWS::Region}}-an"}],
        },
        {
            "Sid": "ReadObjects",
            "Effect": "Allow",
            "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"],
            "Resource": [{"Fn::Sub": f"{BUCKET}${{AWS::Region}}-an/*"}],
        },
        {
            "Sid": "WriteReplicas",
            "Effect": "Allow",
            "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
            "Resource": [{"Fn::Sub": f"{BUCKET}us-west-2-an/*"}],
        },
    ]


def test_only_s3_may_take_the_replication_role() -> None:
    trust = properties(template("us-east-1/storage"), "ReplicationRole")["AssumeRolePolicyDocument"]

    assert trust["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
    ]


def test_every_object_and_delete_marker_goes_to_every_secondary() -> None:
    replication = properties(template("eu-central-1/storage", regions=THREE), "Bucket")["ReplicationConfiguration"]

    assert replication["Role"] == {"Fn::GetAtt": ["ReplicationRole", "Arn"]}
    assert replication["Rules"] == [
        {
            "Id": f"to-{region}",
            "Status": "Enabled",
            "Priority": priority,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {"Bucket": {"Fn::Sub": f"{BUCKET}{region}-an"}, "Metrics": {"Status": "Enabled"}},
        }
        for priority, region in enumerate(("eu-west-1", "eu-north-1"), start=1)
    ]


def test_the_role_writes_to_every_secondary_and_nowhere_else() -> None:
    write = statements(template("eu-central-1/storage", regions=THREE), "ReplicationRole")[2]

    assert write["Resource"] == [{"Fn::Sub": f"{BUCKET}{region}-an/*"} for region in ("eu-west-1", "eu-north-1")]


def test_a_secondary_has_neither_role_nor_rule() -> None:
    made = template("us-west-2/storage")

    assert made["Resources"].keys() == {"Bucket", "BucketPolicy"}
    assert "ReplicationConfiguration" not in properties(made, "Bucket")


@pytest.mark.parametrize("stack", ["us-east-1/storage", "us-west-2/storage"])
class TestEveryBucket:
    def test_is_versioned_encrypted_and_private(self, stack: str) -> None:
        bucket = properties(template(stack), "Bucket")

        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert bucket["BucketEncryption"] == {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }

    def test_has_a_name_that_no_other_account_can_take(self, stack: str) -> None:
        bucket = properties(template(stack), "Bucket")

        assert bucket["BucketName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-${AWS::AccountId}-${AWS::Region}-an"}
        assert bucket["BucketNamespace"] == "account-regional"

    def test_expires_its_own_old_versions_after_the_days_said(self, stack: str) -> None:
        (rule,) = properties(template(stack, bucket={"expire_noncurrent_days": 7}), "Bucket")["LifecycleConfiguration"][
            "Rules"
        ]

        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
        assert rule["ExpiredObjectDeleteMarker"] is True
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}

    def test_answers_over_tls_only(self, stack: str) -> None:
        made = template(stack)

        assert properties(made, "BucketPolicy")["PolicyDocument"]["Statement"] == [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:*"],
                "Resource": [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]

    def test_puts_out_name_and_arn(self, stack: str) -> None:
        outputs = template(stack)["Outputs"]

        assert outputs["BucketName"]["Value"] == {"Ref": "Bucket"}
        assert outputs["BucketArn"]["Value"] == {"Fn::GetAtt": ["Bucket", "Arn"]}


def test_the_role_for_a_backfill_is_there_where_it_is_asked_for_and_may_begin_replication_alone() -> None:
    assert "BatchRole" not in template("us-east-1/storage")["Resources"]
    made = templates(bucket={"backfill": True})
    assert "BatchRole" not in made["us-west-2/storage"]["Resources"]
    east = made["us-east-1/storage"]
    trust = properties(east, "BatchRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust[0]["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    allowed = {
        statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in statements(east, "BatchRole")
    }
    here = f"{BUCKET}${{AWS::Region}}-an"
    assert allowed == {
        "Replicate": (["s3:InitiateReplication"], [{"Fn::Sub": f"{here}/*"}]),
        "ListObjects": (
            ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
            [{"Fn::Sub": here}],
        ),
        "WriteReports": (["s3:PutObject"], [{"Fn::Sub": f"{here}/builder-backfill/*"}]),
    }
    assert east["Outputs"]["BatchRoleArn"]["Value"] == {"Fn::GetAtt": ["BatchRole", "Arn"]}


def rules_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a bucket's rules, also where they come once others stand."""
    configuration = properties(made, "Bucket")["ReplicationConfiguration"]
    configuration = configuration["Fn::If"][1] if "Fn::If" in configuration else configuration
    rules: list[dict[str, Any]] = configuration["Rules"]
    return rules


def test_both_ways_every_bucket_leads_to_every_other_with_changes_of_replicas_and_delete_markers() -> None:
    every = {"eu-central-1", "eu-west-1", "eu-north-1"}
    made = templates(regions=THREE, bucket={"replication": "two-way"})
    for region in every:
        rules = rules_of(made[f"{region}/storage"])
        assert {rule["Id"] for rule in rules} == {f"to-{other}" for other in every - {region}}
        for rule in rules:
            assert rule["DeleteMarkerReplication"] == {"Status": "Enabled"}
            assert rule["SourceSelectionCriteria"] == {"ReplicaModifications": {"Status": "Enabled"}}
    # The last one made refers to nothing that is not there, and needs no second change set.
    assert "Replicates" not in made["eu-central-1/storage"]["Parameters"]
    assert "Replicates" in made["eu-west-1/storage"]["Parameters"]


def test_without_replication_there_is_neither_rule_nor_role() -> None:
    for made in templates(bucket={"replication": "none"}).values():
        assert "ReplicationRole" not in made["Resources"]
        assert "ReplicationConfiguration" not in made["Resources"].get("Bucket", {}).get("Properties", {})


@pytest.mark.parametrize(
    ("bucket", "environments", "status"),
    [
        ({}, {}, "Enabled"),
        ({"pause_lifecycle": True}, {}, "Disabled"),
        (
            {},
            {"prod": {"bucket": {"pause_lifecycle": True}}},
            {"Fn::If": ["LifecyclePaused", "Disabled", "Enabled"]},
        ),
    ],
)
def test_what_expires_may_be_paused_in_one_environment(
    bucket: dict[str, Any], environments: dict[str, Any], status: object
) -> None:
    for made in templates(bucket=bucket, environments=environments).values():
        if "Bucket" in made["Resources"]:
            (rule,) = properties(made, "Bucket")["LifecycleConfiguration"]["Rules"]
            assert rule["Status"] == status
