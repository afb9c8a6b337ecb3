"""Types of which the emulator has the API only: a health check and a composite alarm.

A health check is kept and described; nothing is checked, and there is no DNS that would ask for the outcome.
Sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-route53-healthcheck.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-compositealarm.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, touch
from builder.local.adapter.handlers import HandlerError, PhysicalResource, Properties, check_reply

HEALTH_CHECK = "AWS::Route53::HealthCheck"
COMPOSITE_ALARM = "AWS::CloudWatch::CompositeAlarm"

_ROUTE53 = "ministack.services.route53"
_CLOUDWATCH = "ministack.services.cloudwatch"
_NUMBERS = frozenset({"FailureThreshold", "HealthThreshold", "Port", "RequestInterval"})


def install(resources: MutableMapping[str, Any]) -> None:
    """Add the two types."""
    resources[HEALTH_CHECK] = {"create": _create_check, "update": _update_check, "delete": _delete_check}
    resources[COMPOSITE_ALARM] = {"create": _create_alarm, "update": _update_alarm, "delete": _delete_alarm}


# -- AWS::Route53::HealthCheck


def _create_check(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    del logical_id, stack_name
    number = touch(f"{_ROUTE53}:_hc_id")()
    reference = touch("ministack.core.responses:new_uuid")()
    check = {"id": number, "caller_reference": reference, "config": _config(props), "version": 1}
    touch(f"{_ROUTE53}:_health_checks")[number] = check
    _tag_check(number, props)
    return number, {"HealthCheckId": number}


def _update_check(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    del old, stack_name
    check = touch(f"{_ROUTE53}:_health_checks").get(physical_id)
    if check is None:
        message = f"No health check exists with the specified ID {physical_id}."
        raise HandlerError(message, service="Route53", status=404, code="NotFound")
    check.update(config=_config(new), version=check["version"] + 1)
    _tag_check(physical_id, new)
    return physical_id, {"HealthCheckId": physical_id}


def _delete_check(physical_id: str, props: Properties) -> None:
    del props
    touch(f"{_ROUTE53}:_health_checks").pop(physical_id, None)


def _tag_check(number: str, props: Properties) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in props.get("HealthCheckTags") or []}
    touch(f"{_ROUTE53}:_tags")["healthcheck", number] = tags


def _config(props: Properties) -> dict[str, Any]:
    """Return a configuration as the API keeps it; templates may give numbers as text."""
    config: Mapping[str, Any] = props.get("HealthCheckConfig") or {}
    if "Type" not in config:
        raise HandlerError("Value null at 'healthCheckConfig.type' failed to satisfy constraint", service="Route53")
    convert: dict[str, Callable[[Any], Any]] = dict.fromkeys(_NUMBERS, int)
    return {name: convert.get(name, lambda value: value)(value) for name, value in config.items()}


# -- AWS::CloudWatch::CompositeAlarm


def _create_alarm(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    make_name = touch("ministack.services.cloudformation.provisioners:_physical_name")
    return _put_alarm(props.get("AlarmName") or make_name(stack_name, logical_id, max_len=255), props)


def _update_alarm(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    del old, stack_name
    return _put_alarm(physical_id, new)


def _delete_alarm(physical_id: str, props: Properties) -> None:
    """Delete the alarm, or do nothing if it is gone. Raise HandlerError while another alarm depends on it."""
    del props
    check_reply(
        touch(f"{_CLOUDWATCH}:_delete_alarms")({}, {"AlarmNames": [physical_id]}, is_cbor=False, is_json=True),
        service="CloudWatch",
    )


def _put_alarm(name: str, props: Properties) -> PhysicalResource:
    """Put the alarm by the action that reads JSON, because that one checks that the alarms of its rule exist."""
    request = {**props, "AlarmName": name}
    check_reply(
        touch(f"{_CLOUDWATCH}:_put_composite_alarm")({}, request, is_cbor=False, is_json=True), service="CloudWatch"
    )
    return name, {"Arn": f"arn:aws:cloudwatch:{region_name()}:{account_id()}:alarm:{name}"}
