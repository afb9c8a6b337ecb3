import json

import pytest

from builder.deploy.resources import HOLDERS, Seen, remedy_for

KEYS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        ({"Enabled": "true"}, {"Enabled": "false"}, "nothing it encrypts can be read"),
        ({}, {"Enabled": False}, "nothing it encrypts can be read"),
        ({"Enabled": False}, {}, ""),
        ({"EnableKeyRotation": "true"}, {}, "its rotation is switched off"),
        ({}, {"EnableKeyRotation": True}, ""),
        ({"KeyPolicy": {"Statement": []}}, {"KeyPolicy": {"Statement": [{}]}}, "its policy changes"),
        ({"KeyPolicy": {}}, {"KeyPolicy": {}}, ""),
    ],
)
def test_what_keeps_a_key_from_those_who_need_it_is_warned_of(
    before: dict[str, object], after: dict[str, object], warning: str
) -> None:
    for holder in (HOLDERS[kind] for kind in KEYS):
        warnings = holder.warnings(Seen(before=before, after=after))
        assert len(warnings) == bool(warning)
        assert warning in "".join(warnings)
        assert holder.warnings(Seen()) == ()


@pytest.mark.parametrize(("before", "after", "count"), [("one", "one", 0), ("one", "two", 1)])
def test_an_alias_that_leads_to_another_key_is_warned_of(before: str, after: str, count: int) -> None:
    seen = Seen(before={"TargetKeyId": before}, after={"TargetKeyId": after})
    assert len(HOLDERS["AWS::KMS::Alias"].warnings(seen)) == count


@pytest.mark.parametrize(
    ("kind", "reason", "is_known"),
    [
        ("AWS::KMS::ReplicaKey", "Replica key mrk-1 already exists in us-west-2. (HandlerErrorCode: X)", True),
        ("AWS::KMS::ReplicaKey", "AlreadyExistsException: mrk-1 Already Exists", True),
        ("AWS::KMS::ReplicaKey", "AccessDenied", False),
        ("AWS::S3::Bucket", "one already exists", False),
    ],
)
def test_a_replica_that_waits_to_be_deleted_is_told_with_what_helps(kind: str, reason: str, *, is_known: bool) -> None:
    assert ("cancel-key-deletion" in remedy_for(kind, reason)) is is_known


BY_KEY = {"KMSMasterKeyID": "KEY"}
UNDER = [
    ("AWS::Logs::LogGroup", {"KmsKeyId": "KEY"}, "events that were written before"),
    (
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"KMSMasterKeyID": "KEY"}}]
            }
        },
        "objects that are there stay under the key",
    ),
]


@pytest.mark.parametrize(("kind", "properties", "warning"), UNDER)
def test_what_stays_under_the_key_that_it_had_is_told(kind: str, properties: dict[str, object], warning: str) -> None:
    other = json.loads(json.dumps(properties).replace("KEY", "OTHER"))
    holder = HOLDERS[kind]
    assert warning in "".join(holder.warnings(Seen(before=properties, after=other)))
    assert warning in "".join(holder.warnings(Seen(before=properties, after={})))
    assert holder.warnings(Seen(before={}, after=properties)) == ()
