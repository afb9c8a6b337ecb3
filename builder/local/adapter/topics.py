"""SNS: mail addresses that have not confirmed, and topics whose policy does not let CloudWatch publish.

The emulator takes a mail address for confirmed, and publishes whatever the topic's policy says unless policies are
enforced. Nobody gets mail, and so nobody confirms by it.
Sources: https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, replace, touch
from builder.local.adapter.handlers import HandlerError, Properties, Reply, text_of
from builder.local.adapter.kms.users import lets_use

_SNS = "ministack.services.sns"
_EVALUATOR = "ministack.core.iam_evaluator"
_MAIL = frozenset({"email", "email-json"})
_PENDING = "PendingConfirmation"
_CLOUDWATCH = "cloudwatch.amazonaws.com"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap what subscribes, what lists subscriptions, and what alarms notify."""
    topic, subscription = handlers["AWS::SNS::Topic"], handlers["AWS::SNS::Subscription"]
    topic.update(create=_and_ask(_with_key(topic["create"], at=1)), update=_and_ask(_with_key(topic["update"], at=2)))
    subscription.update(create=_and_ask(_make_subscribe(subscription["create"])))
    replace(f"{_SNS}:_subscribe", _and_ask)
    for name in ("_list_subscriptions", "_list_subscriptions_by_topic"):
        replace(f"{_SNS}:{name}", _make_list)
    replace("ministack.services.cloudwatch:_dispatch_alarm_actions", _make_dispatch)


def _subscriptions() -> list[MutableMapping[str, Any]]:
    return [subscription for topic in touch(f"{_SNS}:_topics").values() for subscription in topic["subscriptions"]]


def _and_ask(subscribe: Callable[..., Any]) -> Callable[..., Any]:
    """Return what subscribes, after which each new mail address has yet to confirm."""

    def subscribe_and_ask(*arguments: Any, **named: Any) -> object:  # noqa: ANN401  the emulator's own
        known = {subscription["arn"] for subscription in _subscriptions()}
        outcome = subscribe(*arguments, **named)
        for subscription in _subscriptions():
            if subscription["arn"] not in known and subscription["protocol"] in _MAIL:
                subscription["confirmed"] = False
                subscription["token"] = touch("ministack.core.responses:new_uuid")()
                subscription["attributes"][_PENDING] = "true"
        return outcome

    return subscribe_and_ask


def _with_key(handle: Callable[..., Any], *, at: int) -> Callable[..., Any]:
    """Return the handler of a topic, which sets its key; the properties are its argument of this number."""

    def handle_with_key(*arguments: Any) -> object:  # noqa: ANN401  the emulator's own
        resource = handle(*arguments)
        attributes = touch(f"{_SNS}:_topics")[resource[0]]["attributes"]
        attributes.pop("KmsMasterKeyId", None)
        if key := arguments[at].get("KmsMasterKeyId"):
            attributes["KmsMasterKeyId"] = key
        return resource

    return handle_with_key


def _make_subscribe(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_subscription(logical_id: str, props: Properties, stack_name: str) -> object:
        if props.get("TopicArn") not in touch(f"{_SNS}:_topics"):
            raise HandlerError("Topic does not exist", service="Sns", status=404, code="NotFound")
        return create(logical_id, props, stack_name)

    return create_subscription


def _make_list(list_subscriptions: Callable[..., Reply]) -> Callable[..., Reply]:
    def list_as_confirmed(params: Mapping[str, Any]) -> Reply:
        status, headers, body = list_subscriptions(params)
        text = text_of(body)
        for subscription in _subscriptions():
            if not subscription["confirmed"]:
                text = text.replace(f"<SubscriptionArn>{subscription['arn']}<", f"<SubscriptionArn>{_PENDING}<")
        return status, headers, text.encode()

    return list_as_confirmed


# -- what alarms may publish


def _make_dispatch(dispatch: Callable[..., None]) -> Callable[..., None]:
    def dispatch_allowed(alarm: Mapping[str, Any], *change: str) -> None:
        kinds = ("AlarmActions", "OKActions", "InsufficientDataActions")
        allowed = {kind: [arn for arn in alarm.get(kind) or [] if _may_publish(arn, alarm)] for kind in kinds}
        dispatch({**alarm, **allowed}, *change)

    return dispatch_allowed


def _may_publish(arn: str, alarm: Mapping[str, Any]) -> bool:
    """Return whether a topic's policy lets CloudWatch publish for an alarm; other actions are not its business."""
    topic = touch(f"{_SNS}:_topics").get(arn)
    if topic is None:
        return True
    key = topic["attributes"].get("KmsMasterKeyId")
    # Under alias/aws/sns, whose policy nobody can change, CloudWatch does not publish.
    if key and not lets_use(key, {_CLOUDWATCH}):
        return False
    context = touch(f"{_EVALUATOR}:EvalContext")(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sns:Publish",
        resource_arn=arn,
        region=region_name(),
        service_context={
            "aws:sourcearn": alarm["AlarmArn"],
            "aws:sourceaccount": account_id(),
            "aws:sourceowner": account_id(),
        },
        secure_transport=True,
    )
    evaluate = touch(f"{_EVALUATOR}:evaluate_resource_policy")
    policy = topic["attributes"].get("Policy") or ""
    return bool(policy) and str(evaluate(policy, context, service=_CLOUDWATCH).decision) == "Allow"
