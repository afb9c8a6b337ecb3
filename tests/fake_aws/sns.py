"""Simple Notification Service, as much as telling a topic's subscriptions takes; nothing is ever sent.

Source: https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Operation, Reply, Request, reads
from fake_aws.cloudformation.paging import page
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

_MAIL = ("email", "email-json")


@dataclass(slots=True)
class Subscription:
    """An endpoint that a topic sends its messages to."""

    arn: str
    topic: str
    protocol: str
    endpoint: str
    confirmed: bool
    """Mail is sent only once its reader has said so."""


def list_subscriptions_by_topic(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListSubscriptionsByTopic."""
    topic = params["TopicArn"]
    if ("AWS::SNS::Topic", request.account, request.region, topic) not in request.world.names:
        raise AwsRefusal("NotFound", "Topic does not exist", status=404)
    subscriptions = [
        subscription for subscription in request.world.subscriptions.values() if subscription.topic == topic
    ]
    shown, token = page(request, subscriptions, params.get("NextToken"))
    return {"Subscriptions": [_as_shown(request, subscription) for subscription in shown], "NextToken": token}


def _as_shown(request: Request, subscription: Subscription) -> dict[str, Any]:
    return {
        "SubscriptionArn": subscription.arn if subscription.confirmed else "PendingConfirmation",
        "Owner": request.account,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic,
    }


def create(world: "World", _: "Place", resource: "Resource") -> None:
    """Subscribe; what goes by mail waits for a confirmation, and its stack does not."""
    properties = resource.properties
    protocol = str(properties["Protocol"])
    arn = resource.physical_id or ""
    world.subscriptions[arn] = Subscription(
        arn, str(properties["TopicArn"]), protocol, str(properties["Endpoint"]), protocol not in _MAIL
    )


def delete(world: "World", _: "Place", resource: "Resource") -> None:
    """Unsubscribe."""
    world.subscriptions.pop(resource.physical_id or "", None)


OPERATIONS: dict[str, Operation] = {
    "ListSubscriptionsByTopic": reads(list_subscriptions_by_topic, "TopicArn", "NextToken"),
}
