import pytest

from builder.rules.replication_keys import ReplicationKeys
from rules.findings import find_in

PLACE = "ReplicationConfiguration/Rules/0"
KEY = "EncryptionConfiguration: {ReplicaKmsKeyID: alias/one}"
CHOSEN = "SseKmsEncryptedObjects: {Status: Enabled}"


def find(destination: str, criteria: str) -> list[str]:
    rule = f"{{Destination: {destination}, SourceSelectionCriteria: {criteria}}}"
    return find_in(ReplicationKeys, "AWS::S3::Bucket", f"{{ReplicationConfiguration: {{Rules: [{rule}]}}}}")


@pytest.mark.parametrize("criteria", ["{ReplicaModifications: {Status: Enabled}}", "!Ref AWS::NoValue", "{}"])
def test_a_key_that_no_choice_asks_for_is_found(criteria: str) -> None:
    assert find(f"{{{KEY}}}", criteria) == [f"{PLACE}/Destination/EncryptionConfiguration/ReplicaKmsKeyID"]


@pytest.mark.parametrize("destination", ["{}", "{EncryptionConfiguration: !Ref AWS::NoValue}"])
def test_a_choice_without_a_key_is_found(destination: str) -> None:
    assert find(destination, f"{{{CHOSEN}}}") == [f"{PLACE}/SourceSelectionCriteria/SseKmsEncryptedObjects"]


def test_each_world_is_looked_at() -> None:
    assert find(f"{{{KEY}}}", f"!If [IsNamed, {{{CHOSEN}}}, !Ref AWS::NoValue]") == [
        f"{PLACE}/Destination/EncryptionConfiguration/ReplicaKmsKeyID"
    ]


@pytest.mark.parametrize(
    ("destination", "criteria"),
    [
        (f"{{{KEY}}}", f"{{{CHOSEN}}}"),
        ("{EncryptionConfiguration: {ReplicaKmsKeyID: !Ref Name}}", f"{{{CHOSEN}}}"),
        ("{}", "{SseKmsEncryptedObjects: {Status: Disabled}}"),
        (f"{{{KEY}}}", "{SseKmsEncryptedObjects: {Status: Disabled}}"),
        ("{}", "{}"),
        ("!Ref Name", f"{{{CHOSEN}}}"),
        (f"{{{KEY}}}", "!Ref Name"),
        ("{}", "{SseKmsEncryptedObjects: {Status: !Ref Name}}"),
    ],
)
def test_nothing_is_said_of_both_of_neither_and_of_what_is_unknown(destination: str, criteria: str) -> None:
    assert find(destination, criteria) == []
