"""The state of one region's alarms, those of the manifest and those of its stacks, and whom their topics notify."""

from collections.abc import Iterable, Iterator, Mapping

from builder.aws import AlarmSighting, Clients, observe_alarms, pages
from builder.deploy.desired import Deployment
from builder.state.records import AlarmState, TopicState
from builder.terms import Arn, Region, Site

_PENDING = "PendingConfirmation"
_ABSENT = "ABSENT"


def alarm_names(deployment: Deployment, region: Region, existing: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the alarms to read: those of the manifest, then the other `existing` ones of stacks."""
    named = (
        name
        for component in deployment.components.values()
        if component.alarms
        for name in component.alarms.names(region)
    )
    return tuple(dict.fromkeys((*named, *existing)))


def topics_of_alarms(deployment: Deployment, arns: Iterable[str]) -> tuple[Arn, ...]:
    """Return the existing topics that the manifest's alarms notify."""
    named = {component.alarms.topic for component in deployment.components.values() if component.alarms}
    return tuple(Arn(arn) for arn in arns if arn.rpartition(":")[2] in named)


async def find_alarms(clients: Clients, site: Site, names: tuple[str, ...]) -> tuple[AlarmState, ...]:
    """Return the state of each alarm; one that does not exist is ABSENT."""
    return tuple(states(names, await observe_alarms(clients, site, names)))


def states(names: Iterable[str], seen: Mapping[str, AlarmSighting]) -> Iterator[AlarmState]:
    """Yield the row of each alarm, in the order of the names."""
    for name in names:
        alarm = seen.get(name)
        if alarm is None:
            yield AlarmState(alarm=name, state=_ABSENT)
        else:
            since = alarm.since.isoformat(timespec="seconds") if alarm.since else ""
            yield AlarmState(alarm=name, state=alarm.state, since=since, reason=alarm.reason, notifies=alarm.notifies)


async def observe_topic(clients: Clients, site: Site, topic: Arn) -> TopicState:
    """Return a topic's number of confirmed subscriptions, and the endpoints of the unconfirmed ones."""
    sns = clients.of(site).service("sns", site.region)
    confirmed, pending = 0, list[str]()
    async for page in pages(f"{site.region}: {topic}", sns.list_subscriptions_by_topic, TopicArn=topic):
        for subscription in page["Subscriptions"]:
            # An unconfirmed subscription has this in place of its ARN.
            # https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
            if subscription["SubscriptionArn"] == _PENDING:
                pending.append(subscription["Endpoint"])
            else:
                confirmed += 1
    return TopicState(topic=topic.rpartition(":")[2], confirmed=confirmed, pending=tuple(pending))
