"""Tables and buckets that plain boto3 made, and those of stacks, as they are seen on the embedded AWS."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import boto3
import pytest

from builder.aws import Clients
from builder.deploy.observe.live import Owner, observe_live_bucket, observe_owner, observe_table
from builder.errors import Stopped
from builder.terms import AccountId, Arn, LogicalId, Region, Site

T = TypeVar("T")
EAST, WEST = Region("us-east-1"), Region("us-west-2")
HERE = Site(None, EAST)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@pytest.fixture
def clients(session: boto3.Session) -> Clients:
    return Clients(session)


def make_table(session: boto3.Session, name: str, **more: Any) -> None:
    session.client("dynamodb", region_name=EAST).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        **more,
    )


def test_a_table_that_boto3_made_is_seen_with_all_that_is_on(session: boto3.Session, clients: Clients) -> None:
    dynamodb = session.client("dynamodb", region_name=EAST)
    make_table(
        session,
        "orders",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        Tags=[{"Key": "team", "Value": "core"}],
        DeletionProtectionEnabled=True,
    )
    recovery: Any = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName="orders", PointInTimeRecoverySpecification=recovery)
    expiry: Any = {"Enabled": True, "AttributeName": "expires_at"}
    dynamodb.update_time_to_live(TableName="orders", TimeToLiveSpecification=expiry)

    live = run(observe_table(clients, HERE, "orders"))

    assert live is not None
    assert (live.obstacles, live.notes) == ((), ())
    assert live.definition["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert live.definition["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    (replica,) = live.definition["Replicas"]
    assert (replica["Region"], replica["DeletionProtectionEnabled"]) == (EAST, True)
    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert replica["Tags"] == [{"Key": "team", "Value": "core"}]


def test_a_table_in_two_regions_is_seen_from_either_with_both_replicas(
    session: boto3.Session, clients: Clients
) -> None:
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    make_table(session, "carts", StreamSpecification=stream)
    session.client("dynamodb", region_name=EAST).update_table(
        TableName="carts", ReplicaUpdates=[{"Create": {"RegionName": WEST}}]
    )

    east, west = (run(observe_table(clients, Site(None, region), "carts")) for region in (EAST, WEST))

    assert east is not None
    assert west is not None
    assert (east.obstacles, west.obstacles) == ((), ())
    assert [replica["Region"] for replica in east.definition["Replicas"]] == [EAST, WEST]
    assert [replica["Region"] for replica in west.definition["Replicas"]] == [WEST, EAST]


def test_a_provisioned_table_and_one_with_a_policy_are_told(session: boto3.Session, clients: Clients) -> None:
    dynamodb = session.client("dynamodb", region_name=EAST)
    make_table(session, "stock")
    dynamodb.update_table(
        TableName="stock",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )

    live = run(observe_table(clients, HERE, "stock"))

    assert live is not None
    (obstacle,) = live.obstacles
    assert obstacle.endswith(
        "aws dynamodb update-table --region us-east-1 --table-name stock --billing-mode PAY_PER_REQUEST"
    )


def test_what_is_not_there_is_nothing(clients: Clients) -> None:
    assert run(observe_table(clients, HERE, "nothing")) is None
    assert run(observe_live_bucket(clients, HERE, "nothing-at-all")) is None
    assert run(observe_owner(clients, HERE, "nothing")) is None


def test_a_bucket_that_boto3_made_is_seen_with_what_stands_in_the_way(
    session: boto3.Session, clients: Clients, account_id: str
) -> None:
    s3, name = session.client("s3", region_name=EAST), f"uploads-{account_id}"
    s3.create_bucket(Bucket=name)

    plain = run(observe_live_bucket(clients, HERE, name))

    assert plain is not None
    assert (plain.obstacles, plain.notes, plain.unversioned) == ((), (), True)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule: Any = {"ID": "old", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    deny = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    cors: Any = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [cors]})

    live = run(observe_live_bucket(clients, HERE, name))

    assert live is not None
    assert live.definition["VersioningConfiguration"] == {"Status": "Enabled"}
    assert [obstacle.partition(",")[0] for obstacle in live.obstacles] == [
        "it has a bucket policy (Tls)",
        "it has lifecycle rules (old)",
    ]
    assert live.notes == ("its CORS rules; buckets in other regions have none",)
    assert not live.unversioned


def test_a_bucket_of_another_region_or_account_is_none_of_the_stack_s(
    session: boto3.Session, clients: Clients, account_id: str
) -> None:
    name = f"western-{account_id}"
    place: Any = {"LocationConstraint": WEST}
    session.client("s3", region_name=WEST).create_bucket(Bucket=name, CreateBucketConfiguration=place)

    live = run(observe_live_bucket(clients, HERE, name))

    assert live is not None
    assert (live.region, live.definition) == (WEST, {"BucketName": name})
    (obstacle,) = live.obstacles
    assert obstacle.startswith("it is in us-west-2, and the template's stack in us-east-1")
    with pytest.raises(Stopped, match="is another account's, or these credentials may not see it"):
        run(observe_live_bucket(clients, Site(AccountId("999988887777"), WEST), name))


STACK = """
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: owned
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Uploads: {Type: AWS::S3::Bucket, Properties: {BucketName: %s}}
"""


def test_who_has_a_table_or_a_bucket_is_found_by_its_name(
    session: boto3.Session, clients: Clients, account_id: str
) -> None:
    cloudformation, bucket = session.client("cloudformation", region_name=EAST), f"owned-{account_id}"
    arn = cloudformation.create_stack(
        StackName="shop", TemplateBody=STACK % bucket, Tags=[{"Key": "team", "Value": "core"}]
    )["StackId"]

    table, files = (run(observe_owner(clients, HERE, name)) for name in ("owned", bucket))

    assert table is not None
    assert table == Owner(
        site=HERE,
        stack_name=table.stack_name,
        stack_arn=Arn(arn),
        logical_id=LogicalId("Orders"),
        type="AWS::DynamoDB::Table",
        tags={"team": "core"},
    )
    assert files is not None
    assert (files.logical_id, files.type) == ("Uploads", "AWS::S3::Bucket")
    assert run(observe_owner(clients, Site(None, WEST), "owned")) is None
