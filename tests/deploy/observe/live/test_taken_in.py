"""A stack that takes in a table or a bucket by its live definition has no drift."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from builder.aws import Clients
from builder.deploy.observe.live import LiveResource, observe_live_bucket, observe_table
from builder.terms import Region, Site
from fake_aws import World
from fake_aws.virtual_time import run_virtual

EAST, WEST = Region("us-east-1"), Region("us-west-2")
KEY = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
BY_DAY = {
    "IndexName": "by-day",
    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["b", "a"]},
}
LOCAL = {
    "IndexName": "by-number",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}


def plain_table(world: World) -> None:
    world.session().client("dynamodb", region_name=EAST).create_table(TableName="orders", **KEY)  # type: ignore[arg-type]  # a test's
    world.settle()


def table_of_everything(world: World) -> None:
    """A table with all that a table can have, most of it otherwise in each of its regions."""
    client: Any = world.session().client("dynamodb", region_name=EAST)
    client.create_table(
        TableName="orders",
        KeySchema=[*KEY["KeySchema"], {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            *KEY["AttributeDefinitions"],
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "day", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[BY_DAY],
        LocalSecondaryIndexes=[LOCAL],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        SSESpecification={"Enabled": True},
        Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}],
        TableClass="STANDARD_INFREQUENT_ACCESS",
        DeletionProtectionEnabled=True,
        OnDemandThroughput={"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": 3},
    )
    world.settle()
    client.update_table(TableName="orders", ReplicaUpdates=[{"Create": {"RegionName": WEST}}])
    world.settle()
    there: Any = world.session().client("dynamodb", region_name=WEST)
    for each, recovery in ((client, {"RecoveryPeriodInDays": 7}), (there, {})):
        specification = {"PointInTimeRecoveryEnabled": True, **recovery}
        each.update_continuous_backups(TableName="orders", PointInTimeRecoverySpecification=specification)
    there.update_contributor_insights(TableName="orders", ContributorInsightsAction="ENABLE")
    client.update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    world.pass_time(world.expiry_change_s)


def plain_bucket(world: World) -> None:
    world.session().client("s3", region_name=EAST).create_bucket(Bucket="media")


def bucket_of_everything(world: World) -> None:
    """A bucket with all that a template of ours says of one."""
    plain_bucket(world)
    client: Any = world.session().client("s3", region_name=EAST)
    client.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Suspended"})
    client.put_bucket_tagging(Bucket="media", Tagging={"TagSet": [{"Key": "team", "Value": "core"}]})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    client.put_bucket_encryption(Bucket="media", ServerSideEncryptionConfiguration={"Rules": [rule]})
    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy"), True)
    client.put_public_access_block(
        Bucket="media", PublicAccessBlockConfiguration=blocked | {"RestrictPublicBuckets": False}
    )
    client.put_bucket_ownership_controls(
        Bucket="media", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )


def observed(world: World, region: Region, type_name: str) -> LiveResource:
    async def observe() -> LiveResource | None:
        clients = Clients(world.session())
        if type_name == "AWS::S3::Bucket":
            return await observe_live_bucket(clients, Site(None, region), "media")
        return await observe_table(clients, Site(None, region), "orders")

    live = run_virtual(observe)
    assert live is not None
    assert live.obstacles == ()
    return live


def take_in(world: World, region: Region, live: LiveResource) -> Mapping[str, Any]:
    """Import it into a new stack by its definition; return the properties that drift from the template."""
    client = world.session().client("cloudformation", region_name=region)
    resource = {"Type": live.type, "DeletionPolicy": "Retain", "Properties": live.definition}
    named: Any = {"ResourceType": live.type, "LogicalResourceId": "Data", "ResourceIdentifier": dict(live.identifier)}
    made = client.create_change_set(
        StackName="app",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"Data": resource}}),
        ResourcesToImport=[named],
    )
    world.settle()
    client.execute_change_set(ChangeSetName=made["Id"])
    world.settle()
    stack = world.stack("app", region=region)
    assert stack.status == "IMPORT_COMPLETE"
    return stack.record.resources["Data"].actual or {}


@pytest.mark.parametrize(
    ("make", "region", "type_name"),
    [
        (plain_table, EAST, "AWS::DynamoDB::GlobalTable"),
        (table_of_everything, EAST, "AWS::DynamoDB::GlobalTable"),
        (table_of_everything, WEST, "AWS::DynamoDB::GlobalTable"),
        (plain_bucket, EAST, "AWS::S3::Bucket"),
        (bucket_of_everything, EAST, "AWS::S3::Bucket"),
    ],
)
def test_what_is_said_of_it_is_what_it_is(make: Callable[[World], None], region: Region, type_name: str) -> None:
    world = World()
    make(world)
    assert take_in(world, region, observed(world, region, type_name)) == {}
