"""Topics of a template that its alarms notify."""

from collections.abc import Iterator

from builder.rules._node import Node
from builder.rules._worlds import Scenario

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
TOPIC = "AWS::SNS::Topic"
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def notified_topics(scenario: Scenario) -> Iterator[Node]:
    """Yield each topic that an alarm of the same world notifies, once."""
    actions = (
        action
        for alarm in scenario.resources(*ALARMS)
        for name in _ACTIONS
        for action in alarm.get("Properties", name).items() or ()
    )
    named = {scenario.referred(action) for action in actions}
    yield from (topic for topic in scenario.resources(TOPIC) if topic.path[-1] in named)
