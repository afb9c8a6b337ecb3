"""Which stack has a table or a bucket, where names are not enough to tell."""

from typing import Any

import pytest

from builder.deploy.observe.live import Owner, observe_owner, observe_table
from builder.errors import AwsError
from builder.terms import Site
from deploy.rig import Rig
from deploy.there_before import BUCKET, EAST, TABLE, make_bucket
from fake_aws.faults import Fault

HERE = Site(None, EAST)
POLICY = "Resources: {Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: acme-uploads, PolicyDocument: {}}}}"
OWNED = "Resources: {Files: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: acme-uploads}}}"


@pytest.fixture
def rig() -> Rig:
    return Rig()


def deploy(rig: Rig, name: str, template: str, **more: Any) -> None:
    cloudformation = rig.clients.cloudformation(EAST)
    request: dict[str, Any] = {"StackName": name, "ChangeSetName": "first", "ChangeSetType": "CREATE", **more}
    made = cloudformation.create_change_set(**request, TemplateBody=template)["Id"]
    rig.world.pass_time(10)
    cloudformation.execute_change_set(ChangeSetName=made)
    rig.world.settle()
    assert rig.world.stack(name).status in {"CREATE_COMPLETE", "IMPORT_COMPLETE"}


def owner(rig: Rig, name: str) -> Owner | None:
    return rig.run(lambda: observe_owner(rig.clients, HERE, name))


def test_a_bucket_is_not_its_policy_s_stack_s(rig: Rig) -> None:
    make_bucket(rig)
    deploy(rig, "policies", POLICY)

    assert owner(rig, BUCKET) is None


def import_bucket(rig: Rig) -> None:
    resource = {"LogicalResourceId": "Files", "ResourceType": "AWS::S3::Bucket"}
    imports = [{**resource, "ResourceIdentifier": {"BucketName": BUCKET}}]
    deploy(rig, "files", OWNED, ChangeSetType="IMPORT", ResourcesToImport=imports)


@pytest.mark.parametrize("one_row", [False, True])
@pytest.mark.parametrize("policy_first", [False, True])
def test_a_bucket_is_found_beside_its_policy_in_another_stack(rig: Rig, *, policy_first: bool, one_row: bool) -> None:
    rig.world.quirks.a_physical_id_shows_one_row = one_row
    make_bucket(rig)
    if not policy_first:
        import_bucket(rig)
    deploy(rig, "policies", POLICY)
    if policy_first:
        import_bucket(rig)

    resource = owner(rig, BUCKET)

    assert resource is not None
    assert (resource.stack_name, resource.logical_id, resource.type) == ("files", "Files", "AWS::S3::Bucket")


@pytest.mark.parametrize("shown", [False, True])
def test_what_has_left_a_deleted_stack_is_nobody_s_until_another_has_it(rig: Rig, *, shown: bool) -> None:
    rig.world.quirks.a_physical_id_finds_deleted_stacks = shown
    deploy(rig, "old", OWNED)
    rig.clients.cloudformation(EAST).delete_stack(StackName="old")
    rig.world.settle()
    assert BUCKET in rig.world.buckets

    before = owner(rig, BUCKET)
    import_bucket(rig)
    after = owner(rig, BUCKET)

    assert before is None
    assert after is not None
    assert after.stack_name == "files"


def test_a_stack_that_cannot_be_asked_is_told(rig: Rig) -> None:
    make_bucket(rig)
    rig.world.faults.add(Fault.DENIED, operation="DescribeStackResources")
    with pytest.raises(AwsError, match="DescribeStackResources"):
        owner(rig, BUCKET)


CDK = """
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: acme-orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Replica:
    Type: Custom::DynamoDBReplica
    DeletionPolicy: POLICY
    Properties:
      ServiceToken: arn:aws:lambda:us-east-1:111122223333:function:replicas
      TableName: !Ref Orders
      Region: us-west-2
"""


@pytest.mark.parametrize(("policy", "is_told"), [("Delete", True), ("Retain", False)])
def test_a_replica_that_a_custom_resource_deletes_stands_in_the_way_until_it_is_retained(
    rig: Rig, policy: str, *, is_told: bool
) -> None:
    deploy(rig, "shop", CDK.replace("POLICY", policy))

    resource = owner(rig, TABLE)
    live = rig.run(lambda: observe_table(rig.clients, HERE, TABLE))

    assert resource is not None
    assert (resource.type, resource.logical_id) == ("AWS::DynamoDB::Table", "Orders")
    assert resource.replicating == (("Replica",) if is_told else ())
    assert live is not None
    assert [obstacle.partition(" (")[0] for obstacle in live.obstacles] == (
        ["us-east-1/shop replicates it by Replica"] if is_told else []
    )
