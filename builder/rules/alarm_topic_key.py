"""E9563: a topic that alarms notify, encrypted by a key that CloudWatch cannot use."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._alarm_topics import ALARMS, TOPIC, notified_topics
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import scenarios

_OF_SNS = "alias/aws/sns"


class AlarmTopicKey(Rule):
    """The policy of a key that AWS manages cannot be changed."""

    id = "E9563"
    shortdesc = "A topic that alarms notify is not encrypted by alias/aws/sns"
    description = (
        "CloudWatch may not use the key that AWS manages for SNS, so no alarm reaches such a topic, and nobody is told "
        "of that. Take a key of your own that lets cloudwatch.amazonaws.com decrypt and make data keys, or none."
    )
    source_url = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"
    topics = ("resources", "cloudwatch", "sns", "kms")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield the key of every topic that stays silent."""
        for scenario in scenarios(cfn, *ALARMS, TOPIC):
            for topic in notified_topics(scenario):
                key = topic.get("Properties", "KmsMasterKeyId")
                if key.text is not None and key.text.endswith(_OF_SNS):
                    yield fault(key, f"CloudWatch cannot publish to {topic.path[-1]} under {_OF_SNS}")
