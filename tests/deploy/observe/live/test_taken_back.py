"""What the template of a table or bucket takes from it, as a table; and what is no loss."""

from collections.abc import Mapping
from typing import Any

import pytest

from builder.deploy.observe.live.taken_back import losses_of_bucket, losses_of_table

EAST, WEST = "us-east-1", "us-west-2"
RECOVERY = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 14}
INDEX = {
    "IndexName": "by",
    "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
EXPIRY = {"AttributeName": "gone", "Enabled": True}
UNKNOWN = {"Ref": "Parameter"}


def replica(**more: Any) -> dict[str, Any]:
    return {"Replicas": [{"Region": EAST, **more}]}


@pytest.mark.parametrize(
    ("live", "properties", "lost"),
    [
        ({}, {"GlobalSecondaryIndexes": [INDEX]}, ""),
        ({"GlobalSecondaryIndexes": [INDEX]}, {}, "its index by:"),
        ({"GlobalSecondaryIndexes": [INDEX]}, {"GlobalSecondaryIndexes": [INDEX]}, ""),
        (
            {"GlobalSecondaryIndexes": [INDEX]},
            {"GlobalSecondaryIndexes": [{**INDEX, "Projection": {"ProjectionType": "KEYS_ONLY"}}]},
            "another Projection",
        ),
        ({"TimeToLiveSpecification": EXPIRY}, {}, "its time to live by gone"),
        (
            {"TimeToLiveSpecification": EXPIRY},
            {"TimeToLiveSpecification": {"Enabled": "false"}},
            "its time to live by gone",
        ),
        ({"TimeToLiveSpecification": EXPIRY}, {"TimeToLiveSpecification": {**EXPIRY, "Enabled": "true"}}, ""),
        ({"TimeToLiveSpecification": EXPIRY}, {"TimeToLiveSpecification": {**EXPIRY, "Enabled": UNKNOWN}}, ""),
        ({}, {"TimeToLiveSpecification": EXPIRY}, "items whose gone lies in the past"),
        ({"SSESpecification": {"SSEEnabled": True}}, {"SSESpecification": {"SSEEnabled": "true"}}, ""),
        ({"SSESpecification": {"SSEEnabled": True}}, {}, 'its SSESpecification, {"SSEEnabled": true}'),
        (replica(PointInTimeRecoverySpecification=RECOVERY), replica(), "beyond 0 days"),
        (
            replica(PointInTimeRecoverySpecification=RECOVERY),
            replica(PointInTimeRecoverySpecification={**RECOVERY, "RecoveryPeriodInDays": "7"}),
            "beyond 7 days",
        ),
        (
            replica(PointInTimeRecoverySpecification=RECOVERY),
            replica(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": UNKNOWN}),
            "",
        ),
        (replica(), replica(PointInTimeRecoverySpecification=RECOVERY), ""),
        (replica(DeletionProtectionEnabled=True), replica(), "its deletion protection in us-east-1"),
        (replica(DeletionProtectionEnabled=True), replica(DeletionProtectionEnabled=UNKNOWN), ""),
        (replica(DeletionProtectionEnabled=False), replica(DeletionProtectionEnabled=True), ""),
        (
            replica(Tags=[{"Key": "team", "Value": "a"}]),
            replica(Tags=[{"Key": "team", "Value": "b"}]),
            "its tags team in",
        ),
        (replica(Tags=[{"Key": "team", "Value": "a"}]), replica(Tags=[{"Key": "team", "Value": "a"}]), ""),
        (replica(TableClass="STANDARD_INFREQUENT_ACCESS"), replica(), "its TableClass in us-east-1"),
        (replica(TableClass="STANDARD_INFREQUENT_ACCESS"), {"Replicas": [{"Region": WEST}]}, ""),
        (replica(KinesisStreamSpecification={"StreamArn": "a"}), replica(KinesisStreamSpecification=UNKNOWN), ""),
    ],
)
def test_what_a_template_takes_from_a_table(live: Mapping[str, Any], properties: Mapping[str, Any], lost: str) -> None:
    text = "; ".join(losses_of_table(live, properties))
    assert lost in text
    assert bool(lost) is bool(text)


def test_of_a_lost_region_nothing_is_told() -> None:
    assert list(losses_of_table(replica(TableClass="STANDARD_INFREQUENT_ACCESS"), replica(), [EAST])) == []


def encryption(algorithm: str) -> dict[str, Any]:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


@pytest.mark.parametrize(
    ("live", "properties", "lost"),
    [
        (encryption("AES256"), {}, ""),
        (encryption("aws:kms"), {}, "its BucketEncryption"),
        (encryption("aws:kms"), encryption("aws:kms"), ""),
        ({"VersioningConfiguration": {"Status": "Suspended"}}, {"VersioningConfiguration": {"Status": "Enabled"}}, ""),
        ({"VersioningConfiguration": {"Status": "Enabled"}}, {}, "its VersioningConfiguration"),
        ({"Tags": [{"Key": "team", "Value": "a"}]}, {}, "its tags team"),
        (
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": "true"}},
            "",
        ),
        ({"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}, {}, "its PublicAccessBlockConfiguration"),
    ],
)
def test_what_a_template_takes_from_a_bucket(live: Mapping[str, Any], properties: Mapping[str, Any], lost: str) -> None:
    text = "; ".join(losses_of_bucket({"BucketName": "files", **live}, properties))
    assert lost in text
    assert bool(lost) is bool(text)
