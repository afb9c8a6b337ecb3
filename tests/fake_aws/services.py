"""Everything the fake knows: operations by botocore's service and operation names."""

from fake_aws import cloudwatch, logs, sns, ssm, sts
from fake_aws.calls import Operation
from fake_aws.cloudformation import operations as cloudformation
from fake_aws.dynamodb import operations as dynamodb
from fake_aws.functions import operations as functions
from fake_aws.kms import operations as kms
from fake_aws.organizations import operations as organizations
from fake_aws.s3 import operations as s3
from fake_aws.s3control import operations as s3control

SERVICES: dict[str, dict[str, Operation]] = {
    "cloudformation": cloudformation.OPERATIONS,
    "cloudwatch": cloudwatch.OPERATIONS,
    "dynamodb": dynamodb.OPERATIONS,
    "kms": kms.OPERATIONS,
    "lambda": functions.OPERATIONS,
    "logs": logs.OPERATIONS,
    "organizations": organizations.OPERATIONS,
    "s3": s3.OPERATIONS,
    "s3control": s3control.OPERATIONS,
    "sns": sns.OPERATIONS,
    "ssm": ssm.OPERATIONS,
    "sts": sts.OPERATIONS,
}
