"""Everything the fake knows: operations by botocore's service and operation names."""

from fake_aws import sts
from fake_aws.calls import Operation
from fake_aws.cloudformation import operations as cloudformation

SERVICES: dict[str, dict[str, Operation]] = {
    "cloudformation": cloudformation.OPERATIONS,
    "sts": sts.OPERATIONS,
}
