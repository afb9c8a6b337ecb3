"""S3 and DynamoDB as far as stacks leave data there and a deployer has to take it away."""

import io
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fake_aws.conftest import Deploy

SOURCE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: source-bucket
      VersioningConfiguration: {Status: Enabled}
      ReplicationConfiguration:
        Role: arn:aws:iam::111122223333:role/replication
        Rules:
          - {Id: all, Priority: 1, Status: Enabled, Filter: {Prefix: ""},
             DeleteMarkerReplication: {Status: Enabled}, Destination: {Bucket: "arn:aws:s3:::copy-bucket"}}
"""
COPY = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: copy-bucket, VersioningConfiguration: {Status: Enabled}}
"""
TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: things
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: us-west-2}]
"""


@pytest.fixture
def s3(world: World) -> "S3Client":
    return world.session().client("s3", region_name="us-east-1")


@pytest.fixture
def dynamodb(world: World) -> "DynamoDBClient":
    return world.session().client("dynamodb", region_name="us-east-1")


def _versions(s3: "S3Client", bucket: str) -> list[tuple[str, str]]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return [
        (each["Key"], each["VersionId"])
        for page in pages
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]


def test_a_filled_bucket_fails_its_stacks_deletion_until_every_version_is_gone(
    world: World, cfn: "CloudFormationClient", s3: "S3Client", deploy: "Deploy"
) -> None:
    deploy(COPY)
    for number in range(5):
        s3.put_object(Bucket="copy-bucket", Key=f"k{number % 2}", Body=io.BytesIO(b"content"))
    s3.delete_objects(Bucket="copy-bucket", Delete={"Objects": [{"Key": "k0"}]})
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_FAILED"
    assert world.stack("app").record.reason == "The following resource(s) failed to delete: [Bucket]. "
    versions = _versions(s3, "copy-bucket")
    assert len(versions) == 6
    answer = s3.delete_objects(
        Bucket="copy-bucket", Delete={"Objects": [{"Key": key, "VersionId": version} for key, version in versions]}
    )
    assert len(answer["Deleted"]) == 6
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Not Found") as missing:
        s3.head_bucket(Bucket="copy-bucket")
    assert missing.value.response["Error"]["Code"] == "404"


def test_objects_are_read_back_and_replicated_after_a_while(world: World, s3: "S3Client", deploy: "Deploy") -> None:
    deploy(COPY, stack="copy")
    assert deploy(SOURCE, stack="source") == "CREATE_COMPLETE"
    s3.put_object(Bucket="source-bucket", Key="a/b c", Body=b"content")
    assert _versions(s3, "copy-bucket") == []
    assert s3.get_object(Bucket="source-bucket", Key="a/b c")["Body"].read() == b"content"
    s3.delete_bucket_replication(Bucket="source-bucket")
    world.settle()
    assert s3.head_object(Bucket="copy-bucket", Key="a/b c")["ReplicationStatus"] == "REPLICA"
    with pytest.raises(ClientError, match="replication configuration was not found"):
        s3.get_bucket_replication(Bucket="source-bucket")


def test_replication_needs_a_destination(world: World, s3: "S3Client", deploy: "Deploy") -> None:
    assert deploy(SOURCE) == "ROLLBACK_COMPLETE"
    assert any(event.reason == "Destination bucket must exist." for event in world.stack("app").record.events)


def test_what_is_known_of_a_bucket_can_be_asked(s3: "S3Client", deploy: "Deploy") -> None:
    deploy(COPY, stack="copy", Tags=[{"Key": "builder:stack", "Value": "us-east-1/storage"}])
    assert deploy(SOURCE, stack="source") == "CREATE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket="copy-bucket")["Status"] == "Enabled"
    assert {"Key": "builder:stack", "Value": "us-east-1/storage"} in s3.get_bucket_tagging(Bucket="copy-bucket")[
        "TagSet"
    ]
    rules = s3.get_bucket_replication(Bucket="source-bucket")["ReplicationConfiguration"]["Rules"]
    assert [(each["ID"], each["Destination"]["Bucket"]) for each in rules] == [("all", "arn:aws:s3:::copy-bucket")]


def test_deleting_without_a_version_hides_and_with_one_removes(s3: "S3Client", deploy: "Deploy") -> None:
    deploy(COPY)
    version = s3.put_object(Bucket="copy-bucket", Key="k", Body=b"x")["VersionId"]
    assert s3.delete_object(Bucket="copy-bucket", Key="k")["DeleteMarker"]
    with pytest.raises(ClientError, match="does not exist"):
        s3.get_object(Bucket="copy-bucket", Key="k")
    s3.delete_object(Bucket="copy-bucket", Key="k", VersionId=version)
    assert len(_versions(s3, "copy-bucket")) == 1


def test_a_denied_object_is_an_error_in_a_good_answer(world: World, s3: "S3Client", deploy: "Deploy") -> None:
    deploy(COPY)
    s3.put_object(Bucket="copy-bucket", Key="held", Body=b"")
    world.undeletable_objects.add(("copy-bucket", "held"))
    answer = s3.delete_objects(Bucket="copy-bucket", Delete={"Objects": [{"Key": "held"}], "Quiet": True})
    assert [each["Code"] for each in answer["Errors"]] == ["AccessDenied"]


def test_a_client_of_another_region_is_redirected_to_the_buckets_own(world: World, deploy: "Deploy") -> None:
    deploy(COPY)
    west = world.session().client("s3", region_name="us-west-2")
    world.calls.clear()
    assert west.head_bucket(Bucket="copy-bucket")["BucketRegion"] == "us-east-1"
    assert [(call.region, call.outcome) for call in world.calls] == [
        ("us-west-2", "PermanentRedirect"),
        ("us-east-1", "ok"),
    ]


def test_a_table_is_there_in_each_replicas_region(world: World, dynamodb: "DynamoDBClient", deploy: "Deploy") -> None:
    assert deploy(TABLE) == "CREATE_COMPLETE"
    assert [each["RegionName"] for each in dynamodb.describe_table(TableName="things")["Table"]["Replicas"]] == [
        "us-west-2"
    ]
    west = world.session().client("dynamodb", region_name="us-west-2")
    assert west.describe_table(TableName="things")["Table"]["TableArn"].startswith("arn:aws:dynamodb:us-west-2")
    nowhere = world.session().client("dynamodb", region_name="eu-west-1")
    with pytest.raises(ClientError) as missing:
        nowhere.describe_table(TableName="things")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_young_replica_blocks_the_stacks_deletion_until_it_is_removed(
    world: World, cfn: "CloudFormationClient", dynamodb: "DynamoDBClient", deploy: "Deploy"
) -> None:
    world.quirks.young_replicas_block_deletion = True
    deploy(TABLE)
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_FAILED"
    dynamodb.update_table(TableName="things", ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    with pytest.raises(ClientError) as busy:
        dynamodb.update_table(TableName="things", ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    assert busy.value.response["Error"]["Code"] == "ResourceInUseException"
    world.settle()
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"
    assert world.tables == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Delete": {"RegionName": "us-east-1"}}, "Cannot add or delete the local region through ReplicaUpdates."),
        ({"Create": {"RegionName": "us-west-2"}}, "one or more replicas already existed as tables."),
        ({"Delete": {"RegionName": "eu-west-1"}}, r"retry the request without these replicas: \[eu-west-1\]."),
    ],
)
def test_a_replica_update_that_makes_no_sense_is_refused(
    dynamodb: "DynamoDBClient", deploy: "Deploy", change: dict[str, dict[str, str]], reason: str
) -> None:
    deploy(TABLE)
    with pytest.raises(ClientError, match=reason) as refused:
        dynamodb.update_table(TableName="things", ReplicaUpdates=[change])  # type: ignore[list-item]  # by case
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_replica_takes_its_time_to_come_and_to_go(
    world: World, cfn: "CloudFormationClient", dynamodb: "DynamoDBClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(TABLE)
    more = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}]")
    for name, body, status in (("second", more, "CREATING"), ("third", TABLE, "DELETING")):
        cfn.execute_change_set(ChangeSetName=plan(body, name=name))
        world.pass_time(4)
        seen = dynamodb.describe_table(TableName="things")["Table"]
        assert seen["TableStatus"] == "UPDATING"
        assert [each["ReplicaStatus"] for each in seen["Replicas"]] == [status, "ACTIVE"]
        world.settle()
    assert len(dynamodb.describe_table(TableName="things")["Table"]["Replicas"]) == 1


def test_the_stacks_own_region_and_an_index_beside_a_replica_cannot_be_changed(world: World, deploy: "Deploy") -> None:
    deploy(TABLE)
    index = "      GlobalSecondaryIndexes: [{IndexName: by-day}]\n"
    both = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}]") + index
    for number, body in enumerate([TABLE.replace("{Region: us-east-1}, ", ""), both]):
        assert deploy(body, name=f"bad{number}") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [event.reason for event in world.stack("app").record.events if event.status == "UPDATE_FAILED"]
    assert ["contain the region of the stack" in str(reasons[0]), "a replica and a global" in str(reasons[1])] == [
        True,
        True,
    ]
    assert deploy(TABLE + index, name="good") == "UPDATE_COMPLETE"


def test_a_new_replica_whose_update_fails_is_taken_away_again(world: World, deploy: "Deploy") -> None:
    deploy(TABLE)
    world.script.fails("UPDATE", "Table", reason="Internal Failure")
    more = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}]")
    assert deploy(more, name="second") == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted(world.tables["111122223333", "things"].replicas) == ["us-east-1", "us-west-2"]


def test_an_update_adds_or_removes_one_replica_only(world: World, deploy: "Deploy") -> None:
    deploy(TABLE)
    two_more = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}, {Region: eu-west-2}]")
    assert deploy(two_more, name="second") == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted(world.tables["111122223333", "things"].replicas) == ["us-east-1", "us-west-2"]
    one_more = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}]")
    assert deploy(one_more, name="third") == "UPDATE_COMPLETE"
    assert sorted(world.tables["111122223333", "things"].replicas) == ["eu-west-1", "us-east-1", "us-west-2"]
