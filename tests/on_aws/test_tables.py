"""What nobody could check of tables."""

from typing import Any

from on_aws.lab import EAST, WEST, Lab, Template


def table(*indexes: str, **more: Any) -> dict[str, Any]:
    """Return a table with indexes of these attributes, as a resource."""
    found = [
        {"IndexName": f"by-{name}", "KeySchema": _key(name), "Projection": {"ProjectionType": "KEYS_ONLY"}}
        for name in indexes
    ]
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", *indexes)],
            "KeySchema": _key("id"),
            **({"GlobalSecondaryIndexes": found} if found else {}),
            **more,
        },
    }


def _key(name: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": "HASH"}]


def only(**resources: Any) -> Template:
    return {"Resources": resources}


def test_an_update_takes_one_index_and_other_changes_beside_it(lab: Lab) -> None:
    lab.deploy("table", only(Orders=table("customer")))
    more = {
        "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "ends", "Enabled": True},
        "Tags": [{"Key": "kind", "Value": "orders"}],
    }
    lab.deploy("table", only(Orders=table("customer", "day", **more)), "UPDATE")
    # One goes, and most of this with it; time to live may be changed once an hour.
    kept = {"TimeToLiveSpecification": more["TimeToLiveSpecification"]}
    lab.deploy("table", only(Orders=table("day", **kept)), "UPDATE")


def test_indexes_of_several_tables_come_at_once(lab: Lab) -> None:
    lab.deploy("tables", only(Orders=table(), Bills=table()))
    lab.deploy("tables", only(Orders=table("day"), Bills=table("day")), "UPDATE")


def test_cloudformation_deletes_a_global_table_with_its_replicas(lab: Lab) -> None:
    name = lab.name("global")
    properties = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": _key("id"),
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": EAST}, {"Region": WEST}],
    }
    stack = lab.deploy("table", only(Orders={"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}))
    lab.client("dynamodb", WEST).put_item(TableName=name, Item={"id": {"S": "one"}})
    assert lab.delete(stack["StackId"]) == "DELETE_COMPLETE"
    for region in (EAST, WEST):
        pages = lab.client("dynamodb", region).get_paginator("list_tables").paginate()
        assert name not in [each for page in pages for each in page["TableNames"]]
