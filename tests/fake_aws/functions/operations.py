"""What the fake answers as Lambda: a function's configuration, its reserved concurrency, its tags.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.functions.records import Function
from fake_aws.refusals import AwsRefusal


def get_function(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetFunction."""
    function = _function(request, params["FunctionName"])
    concurrency = {"Concurrency": _concurrency(function)} if function.reserved is not None else {}
    return {"Configuration": _configuration(function), "Tags": function.tags, **concurrency}


def get_function_configuration(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetFunctionConfiguration."""
    return _configuration(_function(request, params["FunctionName"]))


def get_function_concurrency(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetFunctionConcurrency; nothing in it where nothing is reserved."""
    function = _function(request, params["FunctionName"])
    return _concurrency(function) if function.reserved is not None else {}


def put_function_concurrency(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutFunctionConcurrency."""
    function = _function(request, params["FunctionName"])
    function.reserved = params["ReservedConcurrentExecutions"]
    return _concurrency(function)


def delete_function_concurrency(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteFunctionConcurrency."""
    _function(request, params["FunctionName"]).reserved = None
    return {}


def list_tags(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListTags."""
    return {"Tags": _function(request, params["Resource"]).tags}


def tag_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer TagResource."""
    _function(request, params["Resource"]).tags |= params["Tags"]
    return {}


def untag_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer UntagResource; a key that is not there is no error."""
    function = _function(request, params["Resource"])
    function.tags = {key: value for key, value in function.tags.items() if key not in params["TagKeys"]}
    return {}


def _function(request: Request, name_or_arn: str) -> Function:
    name = name_or_arn.split(":")[6] if name_or_arn.startswith("arn:") else name_or_arn
    function = request.world.functions.get((request.account, request.region, name))
    if function is None:
        arn = f"arn:aws:lambda:{request.region}:{request.account}:function:{name}"
        raise AwsRefusal("ResourceNotFoundException", f"Function not found: {arn}", status=404)
    return function


def _concurrency(function: Function) -> Reply:
    return {"ReservedConcurrentExecutions": function.reserved}


_SHOWN = ("Runtime", "Role", "Handler", "Description", "Environment")


def _configuration(function: Function) -> Reply:
    given = function.properties
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        **{name: given[name] for name in _SHOWN if name in given},
        "Timeout": int(given.get("Timeout", 3)),
        "MemorySize": int(given.get("MemorySize", 128)),
        "LastModified": f"{function.modified:%Y-%m-%dT%H:%M:%S}.000+0000",
        "Version": "$LATEST",
        "State": "Active" if function.active else "Pending",
        "LastUpdateStatus": "Successful",
    }


OPERATIONS: dict[str, Operation] = {
    "GetFunction": reads(get_function, "FunctionName"),
    "GetFunctionConfiguration": reads(get_function_configuration, "FunctionName"),
    "GetFunctionConcurrency": reads(get_function_concurrency, "FunctionName"),
    "PutFunctionConcurrency": mutates(put_function_concurrency, "FunctionName", "ReservedConcurrentExecutions"),
    "DeleteFunctionConcurrency": mutates(delete_function_concurrency, "FunctionName"),
    "ListTags": reads(list_tags, "Resource"),
    "TagResource": mutates(tag_resource, "Resource", "Tags"),
    "UntagResource": mutates(untag_resource, "Resource", "TagKeys"),
}
