"""A table and a bucket that plain boto3 made on the fake, with data in them, and a system that is to have both."""

from typing import Any

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, make_deployment
from builder.terms import Region
from deploy.rig import Rig
from loaded_config import ABSENT, make_loaded_config

EAST, WEST = Region("us-east-1"), Region("us-west-2")
TABLE, BUCKET = "acme-orders", "acme-uploads"
ITEMS = 20
OBJECTS = 5
KEY = """
Resources:
  Key: {Type: AWS::KMS::Key, Properties: {Description: theirs}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/theirs, TargetKeyId: !Ref Key}}
Outputs: {Arn: {Value: !GetAtt Key.Arn}}
"""


def system_with_existing(*, table: str | None = TABLE, bucket: str | None = BUCKET, **more: Any) -> Deployment:
    """Return a system whose table and bucket were there before, or one of the two."""
    sections: dict[str, Any] = {
        "table": {"existing": table} if table else ABSENT,
        "bucket": {"existing": bucket} if bucket else ABSENT,
        **more,
    }
    return system(**sections)


def system(**sections: Any) -> Deployment:
    """Return a whole system with these sections of dr.yaml."""
    assembly = make_assembly(make_loaded_config(**sections))
    return make_deployment(assembly.manifest, assembly.templates, "dev")


def make_table(rig: Rig, **more: Any) -> None:
    """Make the table with some items in it."""
    dynamodb = rig.clients.dynamodb(EAST)
    definition: dict[str, Any] = {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        **more,
    }
    dynamodb.create_table(**definition)
    rig.world.settle()
    for number in range(ITEMS):
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": f"{number}"}, "total": {"N": f"{number}"}})


def make_bucket(rig: Rig) -> None:
    """Make the bucket with some objects in it."""
    s3 = rig.clients.s3(EAST)
    s3.create_bucket(Bucket=BUCKET)
    for number in range(OBJECTS):
        s3.put_object(Bucket=BUCKET, Key=f"{number}", Body=b"theirs")


def make_key(rig: Rig) -> str:
    """Make a key of KMS with an alias, and return its ARN."""
    cloudformation = rig.clients.cloudformation(EAST)
    request: dict[str, Any] = {"StackName": "theirs", "ChangeSetName": "first", "ChangeSetType": "CREATE"}
    made = cloudformation.create_change_set(**request, TemplateBody=KEY)["Id"]
    rig.world.pass_time(10)
    cloudformation.execute_change_set(ChangeSetName=made)
    rig.world.settle()
    (output,) = cloudformation.describe_stacks(StackName="theirs")["Stacks"][0]["Outputs"]
    return output["OutputValue"]


def data(rig: Rig) -> dict[str, object]:
    """Return all that the two hold, item by item and version by version."""
    dynamodb = rig.clients.dynamodb(EAST)
    scanned = [item for page in dynamodb.get_paginator("scan").paginate(TableName=TABLE) for item in page["Items"]]
    bucket = rig.world.buckets[BUCKET]
    return {
        "items": sorted(str(item) for item in scanned),
        "objects": sorted((version.key, version.content) for version in bucket.versions),
        "born": (bucket.created, dynamodb.describe_table(TableName=TABLE)["Table"]["CreationDateTime"]),
    }
