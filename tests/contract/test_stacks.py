"""What the deployer relies on of stacks and of what they hold, wherever it runs."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.conftest import Plan
from contract.stand_ins import StandIn
from fake_aws.conftest import TOPIC

BUCKET = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: contract-of-the-bucket
      VersioningConfiguration: {Status: Enabled}
"""
BROKEN = (
    BUCKET
    + """
      ReplicationConfiguration:
        Role: arn:aws:iam::111122223333:role/replication
        Rules: [{Status: Enabled, Destination: {Bucket: "arn:aws:s3:::contract-of-no-bucket"}}]
"""
)
TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: us-west-2}]
"""


def test_a_missing_stack_is_refused_in_known_words(cfn: Any) -> None:
    with pytest.raises(ClientError, match="Stack with id app does not exist") as refused:
        cfn.describe_stacks(StackName="app")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_deleted_stack_is_found_by_its_id_only(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    deploy()
    stack_id = cfn.describe_stacks(StackName="app")["Stacks"][0]["StackId"]
    cfn.delete_stack(StackName="app")
    aws.settle()
    assert cfn.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        cfn.describe_stacks(StackName="app")


def test_tags_and_outputs_are_shown(cfn: Any, deploy: Plan) -> None:
    deploy(Tags=[{"Key": "builder:deployment", "Value": "tap-dev"}])
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert {"Key": "builder:deployment", "Value": "tap-dev"} in stack["Tags"]
    assert [each["OutputKey"] for each in stack["Outputs"]] == ["Arn"]


def test_events_carry_the_token_of_their_operation(cfn: Any, deploy: Plan) -> None:
    deploy()
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName="app")
    events = [each for page in pages for each in page["StackEvents"] if each["LogicalResourceId"] == "Topic"]
    assert {each["ClientRequestToken"] for each in events} == {"token-first"}


def test_a_protected_stack_stays(cfn: Any, deploy: Plan) -> None:
    deploy()
    cfn.update_termination_protection(StackName="app", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled") as refused:
        cfn.delete_stack(StackName="app")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_stack_policy_is_given_back_as_it_was_set_and_replaced(cfn: Any, deploy: Plan) -> None:
    deploy()
    assert not cfn.get_stack_policy(StackName="app").get("StackPolicyBody")
    statement = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    for indent in (None, 2):
        body = json.dumps({"Statement": [statement]}, indent=indent)
        cfn.set_stack_policy(StackName="app", StackPolicyBody=body)
        assert json.loads(cfn.get_stack_policy(StackName="app")["StackPolicyBody"]) == json.loads(body)


def test_regions_are_apart(aws: StandIn, deploy: Plan) -> None:
    deploy()
    assert aws.client("cloudformation", "us-west-2").describe_stacks()["Stacks"] == []


def test_a_filled_bucket_holds_its_stack_until_it_is_emptied(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    deploy(BUCKET)
    s3 = aws.client("s3")
    for _ in range(3):
        s3.put_object(Bucket="contract-of-the-bucket", Key="k", Body=b"x")
    s3.delete_object(Bucket="contract-of-the-bucket", Key="k")
    cfn.delete_stack(StackName="app")
    aws.settle()
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "DELETE_FAILED"
    versions = [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for page in s3.get_paginator("list_object_versions").paginate(Bucket="contract-of-the-bucket")
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    assert len(versions) == 4
    s3.delete_objects(Bucket="contract-of-the-bucket", Delete={"Objects": versions})
    cfn.delete_stack(StackName="app")
    aws.settle()
    with pytest.raises(ClientError, match="does not exist"):
        cfn.describe_stacks(StackName="app")


def test_a_global_table_is_in_each_of_its_regions_and_goes_from_all(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    assert deploy(TABLE) == "CREATE_COMPLETE"
    for region, other in (("us-east-1", "us-west-2"), ("us-west-2", "us-east-1")):
        table = aws.client("dynamodb", region).describe_table(TableName="things")["Table"]
        assert other in [each["RegionName"] for each in table["Replicas"]]
    cfn.delete_stack(StackName="app")
    aws.settle()
    for region in ("us-east-1", "us-west-2"):
        with pytest.raises(ClientError) as missing:
            aws.client("dynamodb", region).describe_table(TableName="things")
        assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_failed_creation_is_rolled_back_and_takes_no_change_set(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    assert deploy(BROKEN) == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        cfn.create_change_set(StackName="app", ChangeSetName="second", TemplateBody=TOPIC, ChangeSetType="UPDATE")


def test_a_failed_creation_may_be_left_as_it_is_and_rolled_back_later(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    assert deploy(BROKEN, OnStackFailure="DO_NOTHING") == "CREATE_FAILED"
    cfn.rollback_stack(StackName="app", ClientRequestToken="back")
    aws.settle()
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_stack_that_nobody_touched_is_in_sync(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    deploy(BUCKET)
    number = cfn.detect_stack_drift(StackName="app")["StackDriftDetectionId"]
    aws.settle()
    status = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=number)
    assert (status["DetectionStatus"], status["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC")


def test_what_a_stack_retains_outlives_it(aws: StandIn, cfn: Any, deploy: Plan) -> None:
    retained = BUCKET.replace("    Properties", "    DeletionPolicy: Retain\n    Properties")
    deploy(retained.replace("of-the-bucket", "of-a-kept-bucket"))
    cfn.delete_stack(StackName="app")
    aws.settle()
    with pytest.raises(ClientError, match="does not exist"):
        cfn.describe_stacks(StackName="app")
    aws.client("s3").head_bucket(Bucket="contract-of-a-kept-bucket")


def test_what_an_update_adds_is_created_and_says_so(cfn: Any, deploy: Plan) -> None:
    deploy(TOPIC)
    more = TOPIC.replace("Outputs:", "  More: {Type: AWS::SNS::Topic}\nOutputs:").replace("of ", "for ")
    assert deploy(more, "second", "UPDATE") == "UPDATE_COMPLETE"
    events = cfn.get_paginator("describe_stack_events").paginate(StackName="app").build_full_result()["StackEvents"]
    history = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]
    assert [status for name, status in history if name == "More"][-1] == "CREATE_COMPLETE"
    assert [status for name, status in history if name == "Topic"][-1] == "UPDATE_COMPLETE"
    listed = cfn.get_paginator("list_stack_resources").paginate(StackName="app").build_full_result()
    statuses = {
        resource["LogicalResourceId"]: resource["ResourceStatus"] for resource in listed["StackResourceSummaries"]
    }
    assert statuses == {"Topic": "UPDATE_COMPLETE", "More": "CREATE_COMPLETE"}
