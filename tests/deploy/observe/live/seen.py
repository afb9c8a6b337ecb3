"""What DescribeTable and its like answer of a table in one region or two, written down for tests."""

from collections.abc import Mapping
from typing import Any

from builder.deploy.observe.live.owner import Owner
from builder.deploy.observe.live.table_seen import ReplicaKey, SeenReplica, SeenTable
from builder.terms import Arn, LogicalId, Region, Site, StackName

EAST, WEST = Region("us-east-1"), Region("us-west-2")


def described(region: Region = EAST, **more: Any) -> dict[str, Any]:
    """Return a table on demand as DescribeTable has it, with `more` members of it."""
    return {
        "TableName": "orders",
        "TableArn": f"arn:aws:dynamodb:{region}:111122223333:table/orders",
        "TableId": "0b7e",
        "TableStatus": "ACTIVE",
        "ItemCount": 10_000,
        "TableSizeBytes": 1_000_000,
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "AttributeDefinitions": [
            {"AttributeName": "placed_at", "AttributeType": "S"},
            {"AttributeName": "customer", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "placed_at", "KeyType": "RANGE"},
        ],
        "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"},
        "DeletionProtectionEnabled": False,
        **more,
    }


def replica(region: Region = EAST, *, table: Mapping[str, Any] | None = None, **more: Any) -> SeenReplica:
    """Return what one region shows; what no field sets is off."""
    fields: dict[str, Any] = {
        "recovery": {"PointInTimeRecoveryStatus": "DISABLED"},
        "tags": {},
        "insights": {},
        "kinesis": (),
        "policies": (),
        "key": None,
        **more,
    }
    return SeenReplica(region=region, table=described(region, **(table or {})), **fields)


def seen(*replicas: SeenReplica, **more: Any) -> SeenTable:
    """Return a table in these regions; without any in one."""
    return SeenTable(
        name="orders",
        replicas=replicas or (replica(),),
        expiry=more.pop("expiry", {"TimeToLiveStatus": "DISABLED"}),
        owners=more.pop("owners", ()),
        **more,
    )


def index(name: str, key: str, projection: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an index as DescribeTable has it."""
    return {
        "IndexName": name,
        "IndexStatus": "ACTIVE",
        "IndexArn": f"arn:aws:dynamodb:us-east-1:111122223333:table/orders/index/{name}",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "Projection": projection or {"ProjectionType": "ALL"},
        **more,
    }


def local_index(name: str) -> dict[str, Any]:
    """Return a local index, which has no status of its own."""
    return {key: value for key, value in index(name, "customer").items() if key != "IndexStatus"}


def members(*regions: Region, **more: Any) -> list[dict[str, Any]]:
    """Return replicas as a table's DescribeTable lists them."""
    return [
        {
            "RegionName": region,
            "ReplicaStatus": "ACTIVE",
            "ReplicaArn": f"arn:aws:dynamodb:{region}:111122223333:table/orders",
            **more,
        }
        for region in regions
    ]


def key(region: Region, *aliases: str, is_aws: bool = False) -> ReplicaKey:
    """Return a key of KMS."""
    return ReplicaKey(f"arn:aws:kms:{region}:111122223333:key/mrk-1234", is_aws=is_aws, aliases=aliases)


def owner(**more: Any) -> Owner:
    """Return a stack that has the table."""
    return Owner(
        site=Site(None, EAST),
        stack_name=StackName("shop"),
        stack_arn=Arn("arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1"),
        logical_id=LogicalId("Orders"),
        type="AWS::DynamoDB::Table",
        tags={},
        **more,
    )
