"""CloudWatch Logs, as much as the deletion of a group takes.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html
"""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates
from fake_aws.refusals import AwsRefusal


def delete_log_group(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteLogGroup, of a stack's group or of nobody's."""
    key = ("AWS::Logs::LogGroup", request.account, request.region, params["logGroupName"])
    if key not in request.world.names:
        raise AwsRefusal("ResourceNotFoundException", "The specified log group does not exist.")
    request.world.names.discard(key)
    request.world.unmanaged.pop(key, None)
    return {}


OPERATIONS: dict[str, Operation] = {"DeleteLogGroup": mutates(delete_log_group, "logGroupName")}
