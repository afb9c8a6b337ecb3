"""A deployment that is protected in every way: a table in two regions, a bucket and a log group, kept as data."""

from dataclasses import replace

from builder.deploy import Deployment
from builder.terms import StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT

TABLE, STORAGE, LOGS = StackId("us-east-1/table"), StackId("us-west-2/storage"), StackId("us-west-2/logs")
BUCKET = f"tap-dev-{ACCOUNT}-us-west-2"
KEPT_NAMES = ("tap-dev-global", BUCKET, "/tap-dev")
POLICY = (
    '{"Statement":[{"Action":"Update:*","Effect":"Allow","Principal":"*","Resource":"*"},'
    '{"Action":["Update:Replace","Update:Delete"],"Effect":"Deny","Principal":"*","Resource":"*"}]}'
)
_KEEP = "DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain\n    Metadata: {'builder:kept': true}"
_GO = "DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete"
TABLE_TEMPLATE = """\
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    %s
    Properties:
      TableName: tap-dev-global
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas:
        - {Region: us-east-1, DeletionProtectionEnabled: true}
        - {Region: us-west-2, DeletionProtectionEnabled: true}
"""
STORAGE_TEMPLATE = f"""\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    %s
    Properties: {{BucketName: {BUCKET}, VersioningConfiguration: {{Status: Enabled}}}}
"""
LOGS_TEMPLATE = """\
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    %s
    Properties: {LogGroupName: /tap-dev}
"""


KEPT_KEY = f"""\
Resources:
  Key:
    Type: AWS::KMS::Key
    {_KEEP}
    Properties: {{MultiRegion: true}}
"""


def protected(policies: str = _GO) -> Deployment:
    """With every protection there is, and data that goes with its stacks."""
    table = make_stack(TABLE, TABLE_TEMPLATE % policies)
    return make_deployment(
        replace(table, termination_protection=True, stack_policy=POLICY),
        replace(make_stack(STORAGE, STORAGE_TEMPLATE % policies), needs=(TABLE,)),
        replace(make_stack(LOGS, LOGS_TEMPLATE % policies), needs=(TABLE,), termination_protection=True),
    )


def kept() -> Deployment:
    """The same, with data that stays when its stacks go."""
    return protected(_KEEP)
