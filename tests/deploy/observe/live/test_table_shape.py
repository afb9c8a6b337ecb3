"""A live table in CloudFormation's words: what stands, in one order, and as near to a template as that allows."""

from typing import Any

import pytest

from builder.deploy.observe.live.record import LiveResource, TemplateSide
from builder.deploy.observe.live.table_shape import as_live, fit_table
from deploy.observe.live.seen import EAST, WEST, described, index, key, local_index, members, replica, seen
from schemas import schema_of

ON_DEMAND = {"OnDemandThroughput": {"MaxReadRequestUnits": 500, "MaxWriteRequestUnits": -1}}
STREAM = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
BY_STATUS = index(
    "by_status",
    "status",
    {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total", "currency"]},
    OnDemandThroughput={"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50},
)
FULL = {
    **STREAM,
    **ON_DEMAND,
    "Replicas": members(WEST),
    "GlobalTableVersion": "2019.11.21",
    "GlobalSecondaryIndexes": [BY_STATUS, index("by_day", "day")],
    "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    "DeletionProtectionEnabled": True,
    "SSEDescription": {"Status": "ENABLED", "SSEType": "KMS"},
}
RECOVERY = {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35}


def full() -> LiveResource:
    """Return a table in two regions with all that a definition can have."""
    return as_live(
        seen(
            replica(
                EAST,
                table=FULL,
                recovery=RECOVERY,
                tags={"project": "shop", "team": "core"},
                insights={"": "THROTTLED_KEYS", "by_status": "ACCESSED_AND_THROTTLED_KEYS"},
                kinesis=({"StreamArn": "arn:aws:kinesis:us-east-1:111122223333:stream/orders"},),
                key=key(EAST, "alias/shop-dev"),
            ),
            replica(WEST, table={"Replicas": members(EAST), **STREAM}, key=key(WEST, "alias/shop-dev")),
            expiry={"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"},
        )
    )


def test_a_plain_table_of_one_region_is_a_global_table_with_one_replica() -> None:
    live = as_live(seen())

    assert (live.type, live.identifier, live.region) == ("AWS::DynamoDB::GlobalTable", {"TableName": "orders"}, EAST)
    assert (live.obstacles, live.notes) == ((), ())
    assert live.definition == {
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "placed_at", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "placed_at", "KeyType": "RANGE"},
        ],
        "Replicas": [
            {
                "Region": EAST,
                "DeletionProtectionEnabled": False,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
            }
        ],
    }


def test_all_that_a_table_has_is_in_its_definition() -> None:
    live = full()

    assert (live.obstacles, live.notes) == ((), ())
    assert list(live.definition) == [
        "TableName",
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
        "SSESpecification",
        "Replicas",
    ]
    assert live.definition["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert live.definition["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert live.definition["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert live.definition["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "by_day",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by_status",
            "KeySchema": [{"AttributeName": "status", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["currency", "total"]},
            "WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 50},
        },
    ]
    assert live.definition["Replicas"] == [
        {
            "Region": EAST,
            "SSESpecification": {"KMSMasterKeyId": key(EAST).arn},
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "DeletionProtectionEnabled": True,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35},
            "ContributorInsightsSpecification": {"Enabled": True, "Mode": "THROTTLED_KEYS"},
            "KinesisStreamSpecification": {"StreamArn": "arn:aws:kinesis:us-east-1:111122223333:stream/orders"},
            "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 500},
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by_status",
                    "ContributorInsightsSpecification": {"Enabled": True, "Mode": "ACCESSED_AND_THROTTLED_KEYS"},
                    "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 100},
                }
            ],
            "Tags": [{"Key": "project", "Value": "shop"}, {"Key": "team", "Value": "core"}],
        },
        {
            "Region": WEST,
            "SSESpecification": {"KMSMasterKeyId": key(WEST).arn},
            "DeletionProtectionEnabled": False,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
        },
    ]


def test_a_definition_has_properties_of_the_schema_and_no_others() -> None:
    schema = schema_of("AWS::DynamoDB::GlobalTable")
    replicas = schema["definitions"]["ReplicaSpecification"]["properties"]
    definition = full().definition

    assert definition.keys() <= schema["properties"].keys()
    assert [set(entry) - set(replicas) for entry in definition["Replicas"]] == [set(), set()]


def test_local_indexes_and_the_most_that_is_written_are_said() -> None:
    table = {"LocalSecondaryIndexes": [local_index("by_total")], "OnDemandThroughput": {"MaxWriteRequestUnits": 9}}
    definition = as_live(seen(replica(table=table))).definition

    assert [entry["IndexName"] for entry in definition["LocalSecondaryIndexes"]] == ["by_total"]
    assert definition["WriteOnDemandThroughputSettings"] == {"MaxWriteRequestUnits": 9}


def test_a_key_of_dynamodb_s_own_is_no_replica_s() -> None:
    table = {"SSEDescription": {"Status": "ENABLED", "SSEType": "KMS"}}
    definition = as_live(seen(replica(table=table, key=key(EAST, is_aws=True)))).definition

    assert definition["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert "SSESpecification" not in definition["Replicas"][0]


def test_a_replica_in_a_lost_region_is_said_by_what_another_region_knows() -> None:
    shown = members(
        WEST,
        ReplicaStatus="REGION_DISABLED",
        KMSMasterKeyId="arn:west",
        ReplicaTableClassSummary={"TableClass": "STANDARD_INFREQUENT_ACCESS"},
        OnDemandThroughputOverride={"MaxReadRequestUnits": 7},
    )
    live = as_live(seen(replica(table={"Replicas": shown}, key=key(EAST)), lost=(WEST,)))

    assert live.obstacles == ()
    assert live.definition["Replicas"][1] == {
        "Region": WEST,
        "SSESpecification": {"KMSMasterKeyId": "arn:west"},
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 7},
    }
    assert live.notes == (
        "its replica in us-west-2, which was not asked: tags, recovery and protection there are not known",
    )


def test_an_expiry_that_is_being_switched_off_is_off() -> None:
    expiry = {"TimeToLiveStatus": "DISABLING", "AttributeName": "expires_at"}
    assert "TimeToLiveSpecification" not in as_live(seen(expiry=expiry)).definition


KEY = described()["KeySchema"]


def fitted(live: LiveResource, stack_tags: dict[str, str] | None = None, **more: Any) -> LiveResource:
    properties = {"KeySchema": KEY, "Replicas": [{"Region": EAST}], **more}
    keys = {str(EAST): key(EAST, "alias/shop-dev"), str(WEST): key(WEST, "alias/shop-dev")}
    return fit_table(live, TemplateSide(properties=properties, stack_tags=stack_tags or {}), keys)


class TestNearTheTemplate:
    def test_what_is_off_is_said_where_the_template_says_it(self) -> None:
        recovery = {"PointInTimeRecoveryEnabled": True}
        declared = [{"Region": EAST, "DeletionProtectionEnabled": False, "PointInTimeRecoverySpecification": recovery}]

        assert fitted(as_live(seen()), Replicas=declared).definition["Replicas"] == [
            {
                "Region": EAST,
                "DeletionProtectionEnabled": False,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
            }
        ]
        assert fitted(as_live(seen())).definition["Replicas"] == [{"Region": EAST}]

    def test_thirty_five_days_of_recovery_are_said_where_the_template_says_days(self) -> None:
        live = as_live(seen(replica(recovery=RECOVERY)))
        days = [
            {"Region": EAST, "PointInTimeRecoverySpecification": {"RecoveryPeriodInDays": 7}},
        ]

        (with_days,) = fitted(live, Replicas=days).definition["Replicas"]
        (without,) = fitted(live).definition["Replicas"]

        assert with_days["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"] == 35
        assert without["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}

    def test_lists_are_in_the_template_s_order_with_what_it_lacks_at_the_end(self) -> None:
        definition = fitted(
            full(),
            AttributeDefinitions=[{"AttributeName": "placed_at"}, {"AttributeName": "customer"}],
            GlobalSecondaryIndexes=[
                {"IndexName": "by_status", "Projection": {"NonKeyAttributes": ["total", "currency"]}}
            ],
            Replicas=[{"Region": WEST}, {"Region": EAST, "Tags": [{"Key": "team", "Value": "core"}]}],
            StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        ).definition

        assert [entry["AttributeName"] for entry in definition["AttributeDefinitions"]] == ["placed_at", "customer"]
        assert [entry["IndexName"] for entry in definition["GlobalSecondaryIndexes"]] == ["by_status", "by_day"]
        assert definition["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"] == ["total", "currency"]
        assert [entry["Region"] for entry in definition["Replicas"]] == [WEST, EAST]
        assert [tag["Key"] for tag in definition["Replicas"][1]["Tags"]] == ["team", "project"]

    def test_the_stack_s_own_tags_are_said_only_where_the_template_says_them(self) -> None:
        live = as_live(seen(replica(tags={"project": "shop", "team": "core"}), replica(WEST, tags={"team": "core"})))
        given = {"team": "core", "project": "other"}

        east, west = fitted(live, given, Replicas=[{"Region": EAST}, {"Region": WEST}]).definition["Replicas"]

        # What is not said is not taken away either.
        assert east["Tags"] == [{"Key": "project", "Value": "shop"}]
        assert "Tags" not in west

    @pytest.mark.parametrize(
        "name", ["alias/shop-dev", "mrk-1234", "arn:aws:kms:us-east-1:111122223333:alias/shop-dev"]
    )
    def test_a_key_is_called_as_the_template_calls_it(self, name: str) -> None:
        declared = [{"Region": region, "SSESpecification": {"KMSMasterKeyId": name}} for region in (EAST, WEST)]
        replicas = fitted(full(), Replicas=declared).definition["Replicas"]

        assert [entry["SSESpecification"]["KMSMasterKeyId"] for entry in replicas] == [name, name]

    @pytest.mark.parametrize(
        ("name", "is_said"),
        [
            ("alias/shop-dev", True),
            ("arn:aws:kms:us-west-2:111122223333:alias/shop-dev", True),
            ("mrk-1234", True),
            ("mrk-5678", False),
            ("arn:aws:kms:us-west-2:111122223333:key/mrk-5678", False),
        ],
    )
    def test_a_key_in_a_lost_region_is_called_as_the_template_calls_it_unless_that_is_another(
        self,
        name: str,
        is_said: bool,  # noqa: FBT001 - a column of the table
    ) -> None:
        shown = members(WEST, ReplicaStatus="REGION_DISABLED", KMSMasterKeyId=key(WEST).arn)
        live = as_live(seen(replica(table={"Replicas": shown}, key=key(EAST, "alias/shop-dev")), lost=(WEST,)))
        declared = [{"Region": region, "SSESpecification": {"KMSMasterKeyId": name}} for region in (EAST, WEST)]
        side = TemplateSide(properties={"KeySchema": KEY, "Replicas": declared})

        replicas = fit_table(live, side, {str(EAST): key(EAST, "alias/shop-dev")}, (WEST,)).definition["Replicas"]

        assert replicas[1]["SSESpecification"] == {"KMSMasterKeyId": name if is_said else key(WEST).arn}

    def test_another_key_than_the_template_s_keeps_its_own_name(self) -> None:
        declared = [{"Region": EAST, "SSESpecification": {"KMSMasterKeyId": "alias/other"}}, {"Region": WEST}]
        replicas = fitted(full(), Replicas=declared).definition["Replicas"]

        assert replicas[0]["SSESpecification"]["KMSMasterKeyId"] == key(EAST).arn

    def test_the_live_record_itself_stays_as_it_was(self) -> None:
        live, before = full(), full()
        fitted(live, GlobalSecondaryIndexes=[{"IndexName": "by_status"}], Replicas=[{"Region": WEST}])

        assert live == before
