import pytest

from builder.rules.global_table_strong import GlobalTableStrong
from rules.findings import find_in

ONE, TWO, THREE = (
    "[" + ", ".join(f"{{Region: {region}}}" for region in ("us-east-1", "us-east-2", "us-west-2")[:count]) + "]"
    for count in (1, 2, 3)
)
WITNESS = "[{Region: us-west-2}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableStrong, "AWS::DynamoDB::GlobalTable", properties)


@pytest.mark.parametrize(
    "rest",
    [
        f"Replicas: {ONE}",
        f"Replicas: {TWO}",
        f"Replicas: {ONE}, GlobalTableWitnesses: {WITNESS}",
        f"Replicas: {THREE}, GlobalTableWitnesses: {WITNESS}",
        f"Replicas: {TWO}, GlobalTableWitnesses: []",
        f"Replicas: {TWO}, GlobalTableWitnesses: !If [IsNamed, {WITNESS}, !Ref AWS::NoValue]",
    ],
)
def test_a_quorum_that_is_not_three_is_found(rest: str) -> None:
    assert find(f"{{MultiRegionConsistency: STRONG, {rest}}}") == ["MultiRegionConsistency"]


@pytest.mark.parametrize(
    "properties",
    [
        f"{{MultiRegionConsistency: STRONG, Replicas: {THREE}}}",
        f"{{MultiRegionConsistency: STRONG, Replicas: {TWO}, GlobalTableWitnesses: {WITNESS}}}",
        f"{{MultiRegionConsistency: STRONG, Replicas: {TWO}, GlobalTableWitnesses: !Ref Name}}",
        "{MultiRegionConsistency: STRONG, Replicas: !Ref Name}",
        f"{{MultiRegionConsistency: EVENTUAL, Replicas: {TWO}}}",
        f"{{MultiRegionConsistency: !Ref Name, Replicas: {TWO}}}",
        f"{{Replicas: {TWO}}}",
    ],
)
def test_nothing_is_said_of_three_of_eventual_consistency_and_of_what_is_unknown(properties: str) -> None:
    assert find(properties) == []
