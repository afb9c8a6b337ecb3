"""The resource types that users bring: names, attributes, and one stack's output as another's parameter."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient

    from fake_aws.conftest import Deploy

ALL = """
Resources:
  Key: {Type: AWS::KMS::Key, Properties: {MultiRegion: true}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/app, TargetKeyId: !Ref Key}}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /app/url, Type: String, Value: !GetAtt Queue.QueueUrl}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: rows
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: reads, Path: /app/, PolicyDocument: {Version: 2012-10-17, Statement: []}}
Outputs:
  KeyArn: {Value: !GetAtt Key.Arn}
  Alias: {Value: !Ref Alias}
  Value: {Value: !GetAtt Parameter.Value}
  QueueArn: {Value: !GetAtt Queue.Arn}
  Topic: {Value: !Ref Topic}
  TableArn: {Value: !GetAtt Table.Arn}
  Policy: {Value: !Ref Policy}
"""
REPLICA_KEY = """
Parameters: {Primary: {Type: String}}
Resources:
  Key: {Type: AWS::KMS::ReplicaKey, Properties: {PrimaryKeyArn: !Ref Primary, KeyPolicy: {}}}
Outputs:
  Arn: {Value: !GetAtt Key.Arn}
"""
NAMED = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}


@pytest.fixture
def dynamodb(world: World) -> "DynamoDBClient":
    return world.session().client("dynamodb", region_name="us-east-1")


def _outputs(cfn: "CloudFormationClient", stack: str) -> dict[str, str]:
    return {
        each["OutputKey"]: each["OutputValue"] for each in cfn.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    }


def test_each_type_says_what_others_refer_to(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        deploy(ALL, Capabilities=["CAPABILITY_IAM"])
    assert deploy(ALL, **NAMED) == "CREATE_COMPLETE"
    outputs = _outputs(cfn, "app")
    assert outputs.pop("KeyArn").startswith("arn:aws:kms:us-east-1:111122223333:key/mrk-")
    assert outputs == {
        "Alias": "alias/app",
        "Value": "https://sqs.us-east-1.amazonaws.com/111122223333/jobs",
        "QueueArn": "arn:aws:sqs:us-east-1:111122223333:jobs",
        "Topic": "arn:aws:sns:us-east-1:111122223333:news",
        "TableArn": "arn:aws:dynamodb:us-east-1:111122223333:table/rows",
        "Policy": "arn:aws:iam::111122223333:policy/app/reads",
    }
    cfn.delete_stack(StackName="app")
    world.settle()
    assert (world.names, world.local_tables) == (set(), {})


def test_a_replica_key_is_bound_to_the_output_of_a_stack_elsewhere(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(ALL, **NAMED)
    arn = _outputs(cfn, "app")["KeyArn"]
    world.stack("app", region="us-west-2").deploy(REPLICA_KEY, parameters={"Primary": arn})
    west = world.session().client("cloudformation", region_name="us-west-2")
    assert _outputs(west, "app")["Arn"] == arn.replace("us-east-1", "us-west-2")


def test_a_table_is_of_its_region_alone_and_shares_names_with_global_ones(
    world: World, dynamodb: "DynamoDBClient", deploy: "Deploy"
) -> None:
    deploy(ALL, **NAMED)
    world.stack("app", region="us-west-2").deploy(
        "Resources: {Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: rows, KeySchema: []}}}"
    )
    table = dynamodb.describe_table(TableName="rows")["Table"]
    assert (table["TableStatus"], table["Replicas"]) == ("ACTIVE", [])
    with pytest.raises(ClientError, match="already existed as tables"):
        dynamodb.update_table(TableName="rows", ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}])
    world.by_hand("AWS::DynamoDB::GlobalTable", {"TableName": "lines", "Replicas": [{"Region": "us-east-1"}]})
    clash = "Resources: {Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: lines, KeySchema: []}}}"
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        deploy(clash, stack="other")


def test_a_table_keeps_its_protection_and_takes_one_index_at_a_time(world: World, deploy: "Deploy") -> None:
    kept = """
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: rows, KeySchema: [], DeletionProtectionEnabled: true}}
"""
    deploy(kept)
    two = "GlobalSecondaryIndexes: [{IndexName: a}, {IndexName: b}], "
    assert deploy(kept.replace("Deletion", two + "Deletion"), name="second") == "UPDATE_ROLLBACK_COMPLETE"
    with_one = kept.replace("Deletion", two.replace(", {IndexName: b}", "") + "Deletion")
    assert deploy(with_one, name="third") == "UPDATE_COMPLETE"
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_FAILED"
    assert "protected against deletion" in str(world.stack("app").record.resources["Table"].reason)
