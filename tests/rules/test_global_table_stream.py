import pytest

from builder.rules.global_table_stream import GlobalTableStream
from rules.findings import find_in

TWO = "Replicas: [{Region: us-east-1}, {Region: us-west-2}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableStream, "AWS::DynamoDB::GlobalTable", properties)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ", MultiRegionConsistency: EVENTUAL",
        ", StreamSpecification: !Ref AWS::NoValue",
        ", StreamSpecification: !If [IsNamed, {StreamViewType: KEYS_ONLY}, !Ref AWS::NoValue]",
    ],
)
def test_two_replicas_without_a_stream_are_found(rest: str) -> None:
    assert find(f"{{{TWO}{rest}}}") == ["Replicas"]


def test_a_replica_that_only_some_worlds_have_needs_the_stream_there() -> None:
    replicas = "[{Region: us-east-1}, !If [IsNamed, {Region: us-west-2}, !Ref AWS::NoValue]]"
    assert find(f"{{Replicas: {replicas}}}") == ["Replicas"]
    stream = "!If [IsNamed, {StreamViewType: KEYS_ONLY}, !Ref AWS::NoValue]"
    assert find(f"{{Replicas: {replicas}, StreamSpecification: {stream}}}") == []


@pytest.mark.parametrize(
    "properties",
    [
        "{Replicas: [{Region: us-east-1}]}",
        f"{{{TWO}, StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}}}",
        f"{{{TWO}, MultiRegionConsistency: STRONG}}",
        f"{{{TWO}, MultiRegionConsistency: !Ref Name}}",
        f"{{{TWO}, StreamSpecification: !Ref Name}}",
        "{Replicas: !Ref Name}",
    ],
)
def test_nothing_is_said_where_a_stream_is_there_or_not_needed_or_unknown(properties: str) -> None:
    assert find(properties) == []
