import pytest

from components.templates import THREE, properties, template


def test_there_is_a_replica_in_every_region_the_primary_first() -> None:
    replicas = properties(template("eu-central-1/table", regions=THREE), "Table")["Replicas"]

    assert [replica["Region"] for replica in replicas] == ["eu-central-1", "eu-west-1", "eu-north-1"]


def test_the_table_is_keyed_by_id_paid_by_request_and_streams() -> None:
    table = properties(template("us-east-1/table"), "Table")

    assert table["TableName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-global"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["AttributeDefinitions"] == [{"AttributeName": "id", "AttributeType": "S"}]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("enabled", [True, False])
def test_point_in_time_recovery_holds_for_each_replica(*, enabled: bool) -> None:
    replicas = properties(template("us-east-1/table", table={"point_in_time_recovery": enabled}), "Table")["Replicas"]

    assert [replica["PointInTimeRecoverySpecification"] for replica in replicas] == [
        {"PointInTimeRecoveryEnabled": enabled}
    ] * 2


def test_each_replica_carries_the_tags_itself() -> None:
    replicas = properties(template("us-east-1/table", tags={"team": "core"}), "Table")["Replicas"]

    for replica in replicas:
        assert {tag["Key"]: tag["Value"] for tag in replica["Tags"]} == {
            "project": "tap",
            "environment": {"Ref": "EnvironmentSuffix"},
            "team": "core",
        }


def test_it_puts_out_name_and_arn() -> None:
    outputs = template("us-east-1/table")["Outputs"]

    assert outputs["TableName"]["Value"] == {"Ref": "Table"}
    assert outputs["TableArn"]["Value"] == {"Fn::GetAtt": ["Table", "Arn"]}


ORDERS = {
    "key": {"customer": "S", "placed_at": "N"},
    "indexes": {
        "by_status": {"key": {"status": "S", "placed_at": "N"}},
        "by_code": {"key": {"code": "B"}, "projection": "keys_only"},
        "by_day": {"key": {"day": "S"}, "projection": ["total", "currency"]},
    },
    "ttl": "expires_at",
    "point_in_time_recovery": {"days": 7},
    "stream": "KEYS_ONLY",
}


def orders(**more: object) -> dict[str, object]:
    return properties(template("us-east-1/orders", tables={"orders": {**ORDERS, **more}}), "Table")


def test_keys_are_partition_then_sort_and_every_attribute_of_one_is_defined_once() -> None:
    table = orders()
    assert table["KeySchema"] == [
        {"AttributeName": "customer", "KeyType": "HASH"},
        {"AttributeName": "placed_at", "KeyType": "RANGE"},
    ]
    assert table["AttributeDefinitions"] == [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("customer", "S"), ("placed_at", "N"), ("status", "S"), ("code", "B"), ("day", "S"))
    ]


def test_indexes_have_their_keys_and_what_they_project() -> None:
    assert orders()["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "by_status",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "placed_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by_code",
            "KeySchema": [{"AttributeName": "code", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
        {
            "IndexName": "by_day",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total", "currency"]},
        },
    ]


def test_time_to_live_days_of_recovery_and_the_stream_are_as_said() -> None:
    table = orders()
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert [replica["PointInTimeRecoverySpecification"] for replica in table["Replicas"]] == [  # type: ignore[attr-defined]  # a list
        {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    ] * 2
    assert "TimeToLiveSpecification" not in orders(ttl=None)


@pytest.mark.parametrize(
    ("options", "environments", "protected"),
    [
        ({}, {}, None),
        ({}, {"test": {}}, None),
        ({"deletion_protection": True}, {}, True),
        ({}, {"prod": {"production": True}}, {"Ref": "DeletionProtection"}),
        ({}, {"prod": {"tables": {"orders": {"deletion_protection": True}}}}, {"Ref": "DeletionProtection"}),
    ],
)
def test_every_replica_is_protected_from_deletion_where_an_environment_says_so_or_is_productive(
    options: dict[str, object], environments: dict[str, object], protected: object
) -> None:
    body = template("us-east-1/orders", tables={"orders": options}, environments=environments)
    replicas = properties(body, "Table")["Replicas"]
    assert [replica.get("DeletionProtectionEnabled") for replica in replicas] == [protected] * 2
    assert ("DeletionProtection" in body["Parameters"]) == isinstance(protected, dict)
