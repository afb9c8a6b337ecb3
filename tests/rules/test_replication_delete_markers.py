import pytest

from builder.rules.replication_delete_markers import ReplicationDeleteMarkers
from rules.findings import find_in


def find(rule: str) -> list[str]:
    return find_in(ReplicationDeleteMarkers, "AWS::S3::Bucket", f"{{ReplicationConfiguration: {{Rules: [{rule}]}}}}")


@pytest.mark.parametrize(
    "rule",
    [
        "{Filter: {Prefix: ''}}",
        "{Filter: {}}",
        "{Filter: {TagFilter: {Key: a, Value: b}}, DeleteMarkerReplication: !Ref AWS::NoValue}",
        "{Filter: {Prefix: ''}, DeleteMarkerReplication: !If [IsNamed, {Status: Enabled}, !Ref AWS::NoValue]}",
    ],
)
def test_a_filter_that_leaves_delete_markers_unsaid_is_found(rule: str) -> None:
    assert find(rule) == ["ReplicationConfiguration/Rules/0/Filter"]


@pytest.mark.parametrize(
    "rule",
    [
        "{Prefix: logs}",
        "{Filter: {Prefix: ''}, DeleteMarkerReplication: {Status: Disabled}}",
        "{Filter: {Prefix: ''}, DeleteMarkerReplication: !Ref Name}",
        (
            "{Filter: !If [IsNamed, {Prefix: ''}, !Ref AWS::NoValue], "
            "DeleteMarkerReplication: !If [IsNamed, {Status: Enabled}, !Ref AWS::NoValue]}"
        ),
        "!Ref Name",
    ],
)
def test_nothing_is_said_without_a_filter_or_with_a_word_on_delete_markers(rule: str) -> None:
    assert find(rule) == []
