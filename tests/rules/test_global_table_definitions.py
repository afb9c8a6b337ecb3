import pytest

from builder.rules.global_table_definitions import GlobalTableDefinitions
from rules.findings import find_in

ID = "AttributeDefinitions: [{AttributeName: id, AttributeType: S}]"
KEY = "KeySchema: [{AttributeName: id, KeyType: HASH}]"
BY_DAY = "[{IndexName: by-day, KeySchema: [{AttributeName: day, KeyType: HASH}]}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableDefinitions, "AWS::DynamoDB::GlobalTable", f"{{{properties}}}")


@pytest.mark.parametrize(
    ("properties", "places"),
    [
        (f"{KEY}", ["KeySchema/0/AttributeName"]),
        (
            f"{ID}, KeySchema: [{{AttributeName: id, KeyType: HASH}}, {{AttributeName: day, KeyType: RANGE}}]",
            ["KeySchema/1/AttributeName"],
        ),
        (f"{ID}, {KEY}, GlobalSecondaryIndexes: {BY_DAY}", ["GlobalSecondaryIndexes/0/KeySchema/0/AttributeName"]),
        (f"{ID}, {KEY}, LocalSecondaryIndexes: {BY_DAY}", ["LocalSecondaryIndexes/0/KeySchema/0/AttributeName"]),
        (
            f"{ID}, {KEY}, GlobalSecondaryIndexes: !If [IsNamed, {BY_DAY}, []]",
            ["GlobalSecondaryIndexes/Fn::If/1/0/KeySchema/0/AttributeName"],
        ),
    ],
)
def test_an_attribute_of_a_key_that_is_not_defined_is_found(properties: str, places: list[str]) -> None:
    assert find(properties) == places


@pytest.mark.parametrize(
    "properties",
    [
        f"{ID}, {KEY}",
        f"AttributeDefinitions: !Ref Name, {KEY}",
        f"AttributeDefinitions: [{{AttributeName: !Ref Name, AttributeType: S}}], {KEY}",
        f"{ID}, KeySchema: [{{AttributeName: !Ref Name, KeyType: HASH}}]",
        "TableName: tap",
    ],
)
def test_nothing_is_said_of_what_is_defined_or_cannot_be_known(properties: str) -> None:
    assert find(properties) == []
