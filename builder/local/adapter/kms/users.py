"""Log groups and functions that are encrypted with a key: it has to be there, and to let the service use it.

The emulator takes any key. Neither asks for it again later.
Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import region_name, touch
from builder.local.adapter.handlers import HandlerError, Properties
from builder.local.adapter.iam.calls import make_arn
from builder.local.adapter.kms.keys import KMS, UnusableKey, find_arn
from builder.local.adapter.kms.policies import allows_service

Check = Callable[[Properties], None]


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Check the key of a log group and of a function before it is created or updated."""
    for kind, check in (("AWS::Logs::LogGroup", _check_log_group), ("AWS::Lambda::Function", _check_function)):
        handler = handlers[kind]
        handler.update(create=_make_create(handler["create"], check), update=_make_update(handler["update"], check))


def lets_use(key: str, services: set[str]) -> bool:
    """Return whether a key of this region can be used, and its policy names one of these services."""
    try:
        arn = find_arn(key, region_name())
    except UnusableKey:
        return False
    record = touch(f"{KMS}:_resolve_key")(arn)
    return record is not None and allows_service(record["Policy"], services)


def _check_log_group(props: Properties) -> None:
    key, region = props.get("KmsKeyId"), region_name()
    if not key:
        return
    if str(key).startswith("arn:") and lets_use(key, {"logs.amazonaws.com", f"logs.{region}.amazonaws.com"}):
        return
    arn = make_arn("logs", f"log-group:{props.get('LogGroupName', '')}")
    message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
    raise HandlerError(message, service="CloudWatchLogs")


def _check_function(props: Properties) -> None:
    key = props.get("KmsKeyArn")
    if not key:
        return
    if not str(key).startswith("arn:"):
        message = f"1 validation error detected: Value '{key}' at 'kMSKeyArn' failed to satisfy constraint: an ARN"
        raise HandlerError(message, service="Lambda")
    try:
        find_arn(key, region_name())
    except UnusableKey as error:
        raise HandlerError(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
            f"CreateGrant. Please check your KMS key settings. KMS Exception: {error.code} KMS Message: {error}",
            service="Lambda",
        ) from error


def _make_create(create: Callable[..., Any], check: Check) -> Callable[..., Any]:
    def create_checked(logical_id: str, props: Properties, stack_name: str) -> object:
        check(props)
        return create(logical_id, props, stack_name)

    return create_checked


def _make_update(update: Callable[..., Any], check: Check) -> Callable[..., Any]:
    def update_checked(physical_id: str, old: Properties, new: Properties, *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        check(new)
        return update(physical_id, old, new, *rest)

    return update_checked
