import pytest

from builder.rules.replication_without_filter import ReplicationWithoutFilter
from rules.findings import find_in

PLACE = "ReplicationConfiguration/Rules/0"
MARKERS = "DeleteMarkerReplication: {Status: Disabled}"
REPLICAS = "SourceSelectionCriteria: {ReplicaModifications: {Status: Enabled}}"


def find(rule: str) -> list[str]:
    rules = f"{{ReplicationConfiguration: {{Rules: [{{{rule}}}]}}}}"
    return find_in(ReplicationWithoutFilter, "AWS::S3::Bucket", rules)


@pytest.mark.parametrize("other", ["", "Prefix: '', ", "Filter: !If [IsNamed, {Prefix: a}, !Ref AWS::NoValue], "])
def test_what_the_first_version_does_not_know_is_found(other: str) -> None:
    assert find(f"{other}{MARKERS}") == [f"{PLACE}/DeleteMarkerReplication"]
    assert find(f"{other}{REPLICAS}") == [f"{PLACE}/SourceSelectionCriteria/ReplicaModifications"]


@pytest.mark.parametrize(
    "rule",
    [
        f"Filter: {{Prefix: ''}}, {MARKERS}, {REPLICAS}",
        f"Filter: {{}}, {MARKERS}",
        f"Filter: !Ref Name, {MARKERS}",
        "Prefix: ''",
        "SourceSelectionCriteria: {SseKmsEncryptedObjects: {Status: Enabled}}",
        "DeleteMarkerReplication: !If [IsNamed, !Ref AWS::NoValue, !Ref AWS::NoValue]",
    ],
)
def test_nothing_is_said_of_the_second_version_and_of_what_is_unknown(rule: str) -> None:
    assert find(rule) == []
