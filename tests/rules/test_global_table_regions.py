import pytest

from builder.rules.global_table_regions import GlobalTableRegions
from rules.findings import find_in


def find(properties: str) -> list[str]:
    return find_in(GlobalTableRegions, "AWS::DynamoDB::GlobalTable", f"{{{properties}}}")


@pytest.mark.parametrize(
    ("properties", "places"),
    [
        ("Replicas: [{Region: a}, {Region: b}, {Region: a}]", ["Replicas/2/Region"]),
        ("Replicas: [{Region: a}, {Region: a}, {Region: a}]", ["Replicas/1/Region", "Replicas/2/Region"]),
        (
            "Replicas: [{Region: a}, {Region: b}], GlobalTableWitnesses: [{Region: b}]",
            ["GlobalTableWitnesses/0/Region"],
        ),
        ("Replicas: [{Region: a}, !If [IsNamed, {Region: a}, {Region: b}]]", ["Replicas/1/Fn::If/1/Region"]),
    ],
)
def test_a_region_that_is_there_already_is_found(properties: str, places: list[str]) -> None:
    assert find(properties) == places


@pytest.mark.parametrize(
    "properties",
    [
        "Replicas: [{Region: a}, {Region: b}]",
        "Replicas: [{Region: !Ref Name}, {Region: !Ref Name}]",
        "Replicas: !Ref Name",
        "TableName: tap",
    ],
)
def test_different_regions_and_unknown_ones_are_left_alone(properties: str) -> None:
    assert find(properties) == []
