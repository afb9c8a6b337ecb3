"""What nobody could check of tables."""

from typing import Any

from on_aws.lab import EAST, WEST, Lab, Template


def _key(name: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": "HASH"}]


def only(**resources: Any) -> Template:
    return {"Resources": resources}


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


def test_replicas_of_a_table_show_their_keys_in_the_same_order(lab: Lab) -> None:
    name, keys = lab.name("ordered"), {f"key-{number}" for number in range(30)}
    properties = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": _key("id"),
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": EAST}, {"Region": WEST}],
    }
    stack = lab.deploy("table", only(Orders={"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}))
    for key in sorted(keys):
        lab.client("dynamodb", EAST).put_item(TableName=name, Item={"id": {"S": key}})

    def shown(region: str) -> list[str]:
        pages = lab.client("dynamodb", region).get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        return [item["id"]["S"] for page in pages for item in page["Items"]]

    lab.until(lambda: set(shown(WEST)) == keys or None, "all items in the other region")
    assert shown(EAST) == shown(WEST)
    assert lab.delete(stack["StackId"]) == "DELETE_COMPLETE"
