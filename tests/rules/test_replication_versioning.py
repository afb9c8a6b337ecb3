import pytest

from builder.rules.replication_versioning import ReplicationVersioning
from rules.findings import find_in

REPLICATION = "ReplicationConfiguration: {Rules: [{Status: Enabled}]}"


def find(properties: str) -> list[str]:
    return find_in(ReplicationVersioning, "AWS::S3::Bucket", properties)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ", VersioningConfiguration: {Status: Suspended}",
        ", VersioningConfiguration: {}",
        ", VersioningConfiguration: !If [IsNamed, {Status: Enabled}, !Ref AWS::NoValue]",
        ", VersioningConfiguration: {Status: !If [IsNamed, Enabled, Suspended]}",
    ],
)
def test_a_replicating_bucket_that_may_keep_no_versions_is_found(rest: str) -> None:
    assert find(f"{{{REPLICATION}{rest}}}") == ["ReplicationConfiguration"]


@pytest.mark.parametrize(
    "properties",
    [
        "{VersioningConfiguration: {Status: Suspended}}",
        f"{{{REPLICATION}, VersioningConfiguration: {{Status: Enabled}}}}",
        f"{{{REPLICATION}, VersioningConfiguration: {{Status: !Ref Name}}}}",
        "{ReplicationConfiguration: !Ref Name}",
        (
            "{ReplicationConfiguration: !If [IsNamed, {Rules: []}, !Ref AWS::NoValue], "
            "VersioningConfiguration: !If [IsNamed, {Status: Enabled}, !Ref AWS::NoValue]}"
        ),
    ],
)
def test_nothing_is_said_of_versioned_and_of_unknown_buckets(properties: str) -> None:
    assert find(properties) == []
