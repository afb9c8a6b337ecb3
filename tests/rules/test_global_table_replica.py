import pytest

from builder.rules.global_table_replica import GlobalTableReplica
from rules.findings import find_in

INDEXES = "GlobalSecondaryIndexes: [{IndexName: by-day}]"
OFF = "PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: false, RecoveryPeriodInDays: 7}"


def find(replica: str, indexes: str = INDEXES) -> list[str]:
    properties = f"{{Replicas: [{{Region: a, {replica}}}], {indexes}}}"
    return find_in(GlobalTableReplica, "AWS::DynamoDB::GlobalTable", properties)


@pytest.mark.parametrize(
    ("replica", "place"),
    [
        ("TableClass: NONSENSE", "TableClass"),
        ("TableClass: standard", "TableClass"),
        (OFF, "PointInTimeRecoverySpecification/RecoveryPeriodInDays"),
        (
            OFF.replace("PointInTimeRecoveryEnabled: false, ", ""),
            "PointInTimeRecoverySpecification/RecoveryPeriodInDays",
        ),
        ("GlobalSecondaryIndexes: [{IndexName: by-month}]", "GlobalSecondaryIndexes/0/IndexName"),
    ],
)
def test_a_setting_that_there_is_not_is_found(replica: str, place: str) -> None:
    assert find(replica) == [f"Replicas/0/{place}"]


@pytest.mark.parametrize(
    "replica",
    [
        "TableClass: STANDARD",
        "TableClass: !Ref Name",
        OFF.replace("false", "true"),
        OFF.replace("false", "!Ref Name"),
        "PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: false}",
        INDEXES,
        "GlobalSecondaryIndexes: [{IndexName: !Ref Name}]",
    ],
)
def test_settings_that_there_are_and_unknown_ones_are_left_alone(replica: str) -> None:
    assert find(replica) == []


def test_an_index_is_not_missed_where_the_table_s_cannot_be_known() -> None:
    assert find("GlobalSecondaryIndexes: [{IndexName: x}]", "GlobalSecondaryIndexes: [{IndexName: !Ref Name}]") == []
    assert find("GlobalSecondaryIndexes: [{IndexName: x}]", "TableName: tap") == [
        "Replicas/0/GlobalSecondaryIndexes/0/IndexName"
    ]


def test_days_of_recovery_that_is_off_are_found_of_a_table_in_one_region_too() -> None:
    assert find_in(GlobalTableReplica, "AWS::DynamoDB::Table", f"{{{OFF}}}") == [
        "PointInTimeRecoverySpecification/RecoveryPeriodInDays"
    ]
