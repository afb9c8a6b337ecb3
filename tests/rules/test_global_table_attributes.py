import pytest

from builder.rules.global_table_attributes import GlobalTableAttributes
from rules.findings import find_in

DEFINED = "AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: at, AttributeType: N}]"
KEY = "KeySchema: [{AttributeName: id, KeyType: HASH}]"
BY_TIME = "[{IndexName: by-time, KeySchema: [{AttributeName: at, KeyType: HASH}]}]"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableAttributes, "AWS::DynamoDB::GlobalTable", properties)


@pytest.mark.parametrize(
    "rest", ["", ", GlobalSecondaryIndexes: []", f", GlobalSecondaryIndexes: !If [IsNamed, {BY_TIME}, []]"]
)
def test_an_attribute_in_no_key_is_found(rest: str) -> None:
    assert find(f"{{{DEFINED}, {KEY}{rest}}}") == ["AttributeDefinitions/1/AttributeName"]


@pytest.mark.parametrize(
    "rest",
    [
        "KeySchema: [{AttributeName: id, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]",
        f"{KEY}, GlobalSecondaryIndexes: {BY_TIME}",
        f"{KEY}, LocalSecondaryIndexes: {BY_TIME}",
        f"{KEY}, VectorIndexes: [{{IndexName: near, SearchSchema: [{{AttributeName: at}}]}}]",
    ],
)
def test_any_index_s_key_will_do(rest: str) -> None:
    assert find(f"{{{DEFINED}, {rest}}}") == []


@pytest.mark.parametrize(
    "rest",
    [
        f"{KEY}, GlobalSecondaryIndexes: !Ref Name",
        "KeySchema: !Ref Name",
        "KeySchema: [{AttributeName: !Ref Name, KeyType: HASH}]",
        f"{KEY}, GlobalSecondaryIndexes: [{{KeySchema: !Ref Name}}]",
        "TableName: tap",
    ],
)
def test_nothing_is_said_where_a_key_can_t_be_known(rest: str) -> None:
    assert find(f"{{{DEFINED}, {rest}}}") == []


def test_a_definition_that_only_a_deployment_knows_is_left_alone() -> None:
    assert find(f"{{AttributeDefinitions: [{{AttributeName: !Ref Name}}], {KEY}}}") == []
