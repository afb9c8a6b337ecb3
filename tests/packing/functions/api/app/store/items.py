import os
import boto3

TABLE = os.environ.get("ORDERS_TABLE")

def put(order):
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": order.id}, "total": {"N": str(order.total)}})
    return order.model_dump()

def get(id):
    return boto3.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": id}}).get("Item", {})
