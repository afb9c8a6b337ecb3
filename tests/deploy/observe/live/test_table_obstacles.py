"""What stands in the way of taking a table in, each with what to do about it."""

from typing import Any

import pytest

from builder.deploy.observe.live.record import TemplateSide
from builder.deploy.observe.live.table_seen import SeenTable
from builder.deploy.observe.live.table_shape import as_live, fit_table
from builder.terms import LogicalId
from deploy.observe.live.seen import EAST, WEST, described, index, local_index, members, owner, replica, seen


def of(**table: Any) -> SeenTable:
    return seen(replica(table=table))


FILLED = index("by_day", "day", IndexStatus="ACTIVE", Backfilling=True)
POLICY = "arn:aws:dynamodb:us-east-1:111122223333:table/orders"
FOREIGN = members(WEST, ReplicaArn="arn:aws:dynamodb:us-west-2:999988887777:table/orders")
KINESIS = ({"StreamArn": "arn:one"}, {"StreamArn": "arn:two"})
CASES = {
    "provisioned": (of(BillingModeSummary=None), "--billing-mode PAY_PER_REQUEST"),
    "another billing": (of(BillingModeSummary={"BillingMode": "PROVISIONED"}), "switch it to on demand first: aws "),
    "strong": (of(MultiRegionConsistency="STRONG"), "it is strongly consistent between regions"),
    "witness": (of(GlobalTableWitnesses=[{"RegionName": WEST}]), "it is strongly consistent between regions"),
    "updating": (of(TableStatus="UPDATING"), "it is UPDATING in us-east-1"),
    "inaccessible": (
        of(TableStatus="INACCESSIBLE_ENCRYPTION_CREDENTIALS"),
        "it is INACCESSIBLE_ENCRYPTION_CREDENTIALS",
    ),
    "an index on its way": (
        of(GlobalSecondaryIndexes=[index("by_day", "day", IndexStatus="CREATING")]),
        "its index by_day is CREATING in us-east-1",
    ),
    "an index being filled": (of(GlobalSecondaryIndexes=[FILLED]), "its index by_day is being filled in us-east-1"),
    "encryption on its way": (
        of(SSEDescription={"Status": "UPDATING", "SSEType": "KMS"}),
        "its encryption is UPDATING",
    ),
    "encryption of no template": (of(SSEDescription={"Status": "ENABLED", "SSEType": "AES256"}), "by AES256"),
    "a replica on its way": (
        of(Replicas=members(WEST, ReplicaStatus="CREATING")),
        "its replica in us-west-2 is CREATING",
    ),
    "a replica that is not there": (seen(missing=(WEST,)), "its replica in us-west-2 is listed and not there"),
    "a replica of another account": (of(Replicas=FOREIGN), "its replica in us-west-2 is in the account 999988887777"),
    "settings for themselves": (of(GlobalTableSettingsReplicationMode="DISABLED"), "by the mode DISABLED"),
    "the old version": (seen(is_of_old=True), "it is a global table of version 2017.11.29"),
    "another version": (of(GlobalTableVersion="2030.1.1"), "it is a global table of version 2030.1.1"),
    "vector indexes": (of(VectorIndexes=[{"IndexName": "near"}]), "it has vector indexes"),
    "a policy": (
        seen(replica(policies=(POLICY,))),
        f"delete-resource-policy --region us-east-1 --resource-arn {POLICY}",
    ),
    "two streams of Kinesis": (seen(replica(kinesis=KINESIS)), "go to 2 streams of Kinesis"),
    "what nobody knows": (of(Colour="green"), "DescribeTable shows Colour in us-east-1"),
    "what CDK deletes": (
        seen(owners=(owner(replicating=(LogicalId("OrdersReplicauswest2"),)),)),
        "us-east-1/shop replicates it by OrdersReplicauswest2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_obstacle_is_told_with_what_to_do(name: str) -> None:
    table, text = CASES[name]
    (obstacle,) = as_live(table).obstacles

    assert text in obstacle
    assert ": " in obstacle


def test_what_another_region_shows_counts_too() -> None:
    west = replica(WEST, table={"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}, "TableStatus": "UPDATING"})
    (obstacle,) = as_live(seen(replica(table={"Replicas": members(WEST)}), west)).obstacles

    assert obstacle == (
        "it is UPDATING in us-west-2, and takes no other change: "
        "aws dynamodb describe-table --region us-west-2 --table-name orders    tells when it is ACTIVE"
    )


def test_a_table_of_one_account_in_two_regions_has_no_obstacle() -> None:
    shown = {"Replicas": members(WEST), "GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES"}
    assert as_live(seen(replica(table=shown), replica(WEST))).obstacles == ()


def test_a_stack_that_has_it_is_no_obstacle_by_itself() -> None:
    assert as_live(seen(owners=(owner(),))).obstacles == ()


def test_what_no_template_says_is_told_as_what_stays() -> None:
    warm = {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 4_000}
    table = of(
        WarmThroughput=warm,
        GlobalSecondaryIndexes=[index("by_day", "day", WarmThroughput=warm)],
        DisassociationProtectionEnabled=False,
    )

    assert as_live(table).notes == (
        "its warm throughput, 20,000 reads and 4,000 writes a second",
        "the warm throughput of its index by_day, 20,000 reads and 4,000 writes a second",
        "its replica in us-east-1 is not protected from leaving the table's other regions",
    )


def against(table: SeenTable, **more: Any) -> tuple[str, ...]:
    properties = {"KeySchema": described()["KeySchema"], "Replicas": [{"Region": EAST}], **more}
    return fit_table(as_live(table), TemplateSide(properties=properties), {}).obstacles


STREAM = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}


@pytest.mark.parametrize(
    ("table", "properties", "text"),
    [
        (
            {},
            {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]},
            "its key is customer (HASH), placed_at (RANGE), and the template's id (HASH)",
        ),
        ({"LocalSecondaryIndexes": [local_index("by_total")]}, {}, "its local secondary indexes are by_total"),
        (STREAM, {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}, "say `stream: KEYS_ONLY` in dr.yaml"),
        (STREAM, {}, "its stream shows KEYS_ONLY, and the template's is off"),
    ],
)
def test_what_a_table_keeps_for_good_and_the_template_says_otherwise(
    table: dict[str, Any], properties: dict[str, Any], text: str
) -> None:
    (obstacle,) = against(of(**table), **properties)
    assert text in obstacle


def test_a_table_without_a_stream_can_get_one() -> None:
    assert against(of(), StreamSpecification={"StreamViewType": "NEW_IMAGE"}) == ()
