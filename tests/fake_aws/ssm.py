"""Systems Manager, as much as reading a parameter takes.

Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, reads
from fake_aws.refusals import AwsRefusal


def get_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetParameter, of a plain text."""
    name = params["Name"]
    value = request.world.ssm_values.get((request.account, request.region, name))
    if value is None:
        raise AwsRefusal("ParameterNotFound", "", status=400)
    return {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1}}


OPERATIONS: dict[str, Operation] = {"GetParameter": reads(get_parameter, "Name")}
