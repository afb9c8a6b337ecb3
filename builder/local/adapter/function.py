"""AWS::Lambda::Function with its reserved concurrency, and refused where its code is not in the bucket.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html and
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import Refused, accept

Properties = Mapping[str, Any]

_LAMBDA = "ministack.services.lambda_svc"
_RESERVED = "ReservedConcurrentExecutions"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap the emulator's handlers of the type."""
    handlers.update(create=_make_create(handlers["create"]), update=_make_update(handlers["update"]))


def _make_create(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_function(logical_id: str, props: Properties, stack_name: str) -> object:
        _check_code(props.get("Code") or {})
        made = create(logical_id, props, stack_name)
        if _RESERVED in props:
            _reserve(made[0], props[_RESERVED])
        return made

    return create_function


def _make_update(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_function(physical_id: str, old: Properties, new: Properties, *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        _check_code(new.get("Code") or {})
        made = update(physical_id, old, new, *rest)
        if _RESERVED in new:
            _reserve(made[0], new[_RESERVED])
        elif _RESERVED in old:
            accept(touch(f"{_LAMBDA}:_delete_function_concurrency")(made[0]), service="Lambda")
        return made

    return update_function


def _reserve(name: str, executions: object) -> None:
    """Set a function's reserved concurrency; templates may give the number as text."""
    wanted = {_RESERVED: int(str(executions))}
    accept(touch(f"{_LAMBDA}:_put_function_concurrency")(name, wanted), service="Lambda")


def _check_code(code: Properties) -> None:
    """Raise Refused where there is nothing at the place of the code."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not bucket or not key:
        return
    if touch("ministack.services.s3:_bucket_owner_account")(bucket) is None:
        reason = "NoSuchBucket. S3 Error Message: The specified bucket does not exist"
    elif touch(f"{_LAMBDA}:_fetch_code_from_s3")(bucket, key, version_id=code.get("S3ObjectVersion")) is None:
        reason = "NoSuchKey. S3 Error Message: The specified key does not exist."
    else:
        return
    raise Refused(f"Error occurred while GetObject. S3 Error Code: {reason}", service="Lambda")
