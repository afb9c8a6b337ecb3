"""AWS::Lambda::Function with its reserved concurrency and its key, and refused where its code is not in the bucket.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html and
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, replace, touch
from builder.local.adapter.handlers import HandlerError, Properties, check_reply

_LAMBDA = "ministack.services.lambda_svc"
_RESERVED = "ReservedConcurrentExecutions"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap the emulator's handlers of the type, and every request to the API."""
    function = handlers["AWS::Lambda::Function"]
    function.update(create=_make_create(function["create"]), update=_make_update(function["update"]))
    replace(f"{_LAMBDA}:handle_request", _make_handler)


def _make_create(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_function(logical_id: str, props: Properties, stack_name: str) -> object:
        _check_code(props.get("Code") or {})
        resource = create(logical_id, props, stack_name)
        _set_rest(resource[0], props)
        if _RESERVED in props:
            _reserve(resource[0], props[_RESERVED])
        return resource

    return create_function


def _make_update(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_function(physical_id: str, old: Properties, new: Properties, *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        _check_code(new.get("Code") or {})
        resource = update(physical_id, old, new, *rest)
        _set_rest(resource[0], new)
        if _RESERVED in new:
            _reserve(resource[0], new[_RESERVED])
        elif _RESERVED in old:
            check_reply(touch(f"{_LAMBDA}:_delete_function_concurrency")(resource[0]), service="Lambda")
        return resource

    return update_function


def _set_rest(name: str, props: Properties) -> None:
    """Set what the emulator leaves out of a template."""
    config = touch(f"{_LAMBDA}:_functions")[name]["config"]
    config["KMSKeyArn"] = props.get("KmsKeyArn", "")
    config.pop("DeadLetterConfig", None)
    if letters := props.get("DeadLetterConfig"):
        config["DeadLetterConfig"] = letters


def _reserve(name: str, executions: object) -> None:
    """Set a function's reserved concurrency; templates may give the number as text."""
    reservation = {_RESERVED: int(str(executions))}
    check_reply(touch(f"{_LAMBDA}:_put_function_concurrency")(name, reservation), service="Lambda")


def _check_code(code: Properties) -> None:
    """Raise HandlerError unless the bucket has the code."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not bucket or not key:
        return
    wrong_region: str | None = touch(f"{_LAMBDA}:s3_code_region_message")(bucket)
    if wrong_region:
        raise HandlerError(wrong_region, service="Lambda")
    if touch("ministack.services.s3:_bucket_owner_account")(bucket) is None:
        reason = "NoSuchBucket. S3 Error Message: The specified bucket does not exist"
    elif touch(f"{_LAMBDA}:_fetch_code_from_s3")(bucket, key, version_id=code.get("S3ObjectVersion")) is None:
        reason = "NoSuchKey. S3 Error Message: The specified key does not exist."
    else:
        return
    raise HandlerError(f"Error occurred while GetObject. S3 Error Code: {reason}", service="Lambda")


_PATH = re.compile(r"(/[^/]+/functions/)(url[^/]*)(/.*)?")


def _make_handler(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_renamed(method: str, path: str, *args: object) -> object:
        if match := _PATH.fullmatch(path):
            head, name, tail = match.groups(default="")
            path = f"{head}{_arn(name)}{tail}"
        return await handle(method, path, *args)

    return handle_renamed


def _arn(name: str) -> str:
    """Return the function's ARN, which the API takes in place of a name and in which no `/url` stands."""
    account = account_id()
    region = region_name()
    return f"arn:aws:lambda:{region}:{account}:function:{name}"
