import pytest

from builder.rules.global_table_strong import GlobalTableStrong
from rules.findings import find_in

ONE_REPLICA, TWO_REPLICAS, THREE_REPLICAS = (
    "[" + ", ".join(f"{{Region: {region}}}" for region in ("us-east-1", "us-east-2", "us-west-2")[:count]) + "]"
    for count in (1, 2, 3)
)
WITNESS = "[{Region: us-west-2}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableStrong, "AWS::DynamoDB::GlobalTable", properties)


@pytest.mark.parametrize(
    "rest",
    [
        f"Replicas: {ONE_REPLICA}",
        f"Replicas: {TWO_REPLICAS}",
        f"Replicas: {ONE_REPLICA}, GlobalTableWitnesses: {WITNESS}",
        f"Replicas: {THREE_REPLICAS}, GlobalTableWitnesses: {WITNESS}",
        f"Replicas: {TWO_REPLICAS}, GlobalTableWitnesses: []",
        f"Replicas: {TWO_REPLICAS}, GlobalTableWitnesses: !If [IsNamed, {WITNESS}, !Ref AWS::NoValue]",
    ],
)
def test_a_quorum_that_is_not_three_is_found(rest: str) -> None:
    assert find(f"{{MultiRegionConsistency: STRONG, {rest}}}") == ["MultiRegionConsistency"]


@pytest.mark.parametrize(
    "properties",
    [
        f"{{MultiRegionConsistency: STRONG, Replicas: {THREE_REPLICAS}}}",
        f"{{MultiRegionConsistency: STRONG, Replicas: {TWO_REPLICAS}, GlobalTableWitnesses: {WITNESS}}}",
        f"{{MultiRegionConsistency: STRONG, Replicas: {TWO_REPLICAS}, GlobalTableWitnesses: !Ref Name}}",
        "{MultiRegionConsistency: STRONG, Replicas: !Ref Name}",
        f"{{MultiRegionConsistency: EVENTUAL, Replicas: {TWO_REPLICAS}}}",
        f"{{MultiRegionConsistency: !Ref Name, Replicas: {TWO_REPLICAS}}}",
        f"{{Replicas: {TWO_REPLICAS}}}",
    ],
)
def test_nothing_is_said_of_three_of_eventual_consistency_and_of_what_is_unknown(properties: str) -> None:
    assert find(properties) == []
