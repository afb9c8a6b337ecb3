import pytest

from builder.rules.global_table_strong_options import GlobalTableStrongOptions
from rules.findings import find_in

STRONG = "MultiRegionConsistency: STRONG"
ON = "TimeToLiveSpecification: {AttributeName: ends, Enabled: true}"
LOCAL = "LocalSecondaryIndexes: [{IndexName: by-day}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableStrongOptions, "AWS::DynamoDB::GlobalTable", f"{{{properties}}}")


def test_what_strong_consistency_excludes_is_found() -> None:
    assert find(f"{STRONG}, {ON}, {LOCAL}") == ["LocalSecondaryIndexes", "TimeToLiveSpecification"]


@pytest.mark.parametrize(
    "properties",
    [
        f"{ON}, {LOCAL}",
        f"MultiRegionConsistency: !Ref Name, {ON}",
        f"MultiRegionConsistency: EVENTUAL, {ON}",
        f"{STRONG}, {ON.replace('true', 'false')}",
        f"{STRONG}, {ON.replace('true', '!Ref Name')}, LocalSecondaryIndexes: []",
    ],
)
def test_all_else_is_left_alone(properties: str) -> None:
    assert find(properties) == []
