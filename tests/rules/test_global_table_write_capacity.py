import pytest

from builder.rules.global_table_write_capacity import GlobalTableWriteCapacity
from rules.findings import find_in

SETTINGS = "WriteProvisionedThroughputSettings: {WriteCapacityAutoScalingSettings: {MinCapacity: 1, MaxCapacity: 2}}"


def find(properties: str) -> list[str]:
    return find_in(GlobalTableWriteCapacity, "AWS::DynamoDB::GlobalTable", properties)


def test_a_provisioned_table_without_settings_is_found_where_it_says_so() -> None:
    assert find("{BillingMode: PROVISIONED}") == ["BillingMode"]


def test_one_that_says_nothing_of_billing_is_provisioned_too() -> None:
    assert find("{TableName: tap}") == [""]
    assert find("{BillingMode: !If [IsNamed, PAY_PER_REQUEST, !Ref AWS::NoValue]}") == [""]


def test_each_index_needs_settings_of_its_own() -> None:
    indexes = f"[{{IndexName: a, {SETTINGS}}}, {{IndexName: b}}]"
    assert find(f"{{{SETTINGS}, GlobalSecondaryIndexes: {indexes}}}") == ["GlobalSecondaryIndexes/1"]


@pytest.mark.parametrize(
    "properties",
    [
        "{BillingMode: PAY_PER_REQUEST, GlobalSecondaryIndexes: [{IndexName: a}]}",
        f"{{{SETTINGS}}}",
        f"{{BillingMode: PROVISIONED, {SETTINGS}, GlobalSecondaryIndexes: !Ref Name}}",
        "{BillingMode: !Ref Name}",
        "{BillingMode: PROVISIONED, WriteProvisionedThroughputSettings: !Ref Name}",
        (
            f"{{BillingMode: !If [IsNamed, PROVISIONED, PAY_PER_REQUEST], "
            f"WriteProvisionedThroughputSettings: !If [IsNamed, {{{SETTINGS}}}, !Ref AWS::NoValue]}}"
        ),
    ],
)
def test_nothing_is_said_where_capacity_is_there_or_not_needed_or_unknown(properties: str) -> None:
    assert find(properties) == []
