import pytest

from builder.rules.replication_tag_filter import ReplicationTagFilter
from rules.findings import find_in

ENABLED = "DeleteMarkerReplication: {Status: Enabled}"
TAG = "{Key: copy, Value: yes}"


def find(rule: str) -> list[str]:
    return find_in(ReplicationTagFilter, "AWS::S3::Bucket", f"{{ReplicationConfiguration: {{Rules: [{rule}]}}}}")


@pytest.mark.parametrize(
    "chosen",
    [
        f"{{TagFilter: {TAG}}}",
        f"{{And: {{Prefix: logs, TagFilters: [{TAG}]}}}}",
        f"{{TagFilter: !If [IsNamed, {TAG}, !Ref AWS::NoValue], Prefix: logs}}",
    ],
)
def test_a_tag_filter_with_delete_markers_is_found(chosen: str) -> None:
    assert find(f"{{Filter: {chosen}, {ENABLED}}}") == [
        "ReplicationConfiguration/Rules/0/DeleteMarkerReplication/Status"
    ]


@pytest.mark.parametrize(
    "rule",
    [
        f"{{Filter: {{TagFilter: {TAG}}}, DeleteMarkerReplication: {{Status: Disabled}}}}",
        f"{{Filter: {{TagFilter: {TAG}}}, DeleteMarkerReplication: {{Status: !Ref Name}}}}",
        f"{{Filter: {{Prefix: logs}}, {ENABLED}}}",
        f"{{Filter: {{And: {{Prefix: logs, TagFilters: []}}}}, {ENABLED}}}",
        f"{{Filter: !Ref Name, {ENABLED}}}",
    ],
)
def test_nothing_is_said_of_disabled_ones_of_prefixes_and_of_what_is_unknown(rule: str) -> None:
    assert find(rule) == []
