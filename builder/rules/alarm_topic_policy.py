"""E9564: a topic that alarms notify, with a policy that does not let them."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._alarm_topics import ALARMS, TOPIC, notified_topics
from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import Statement, statements
from builder.rules._worlds import Scenario, scenarios

_POLICIES = ("AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy")


class AlarmTopicPolicy(Rule):
    """A topic without a policy in its template has one by itself, by which the account's alarms may publish."""

    id = "E9564"
    shortdesc = "The policy of a topic that alarms notify lets CloudWatch publish"
    description = (
        "A policy takes the place of the one that a topic has by itself. It has to allow sns:Publish to "
        "cloudwatch.amazonaws.com, or no alarm reaches the topic, and nobody is told of that."
    )
    source_url = "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html"
    topics = ("resources", "cloudwatch", "sns", "iam")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every policy that keeps alarms out of a topic."""
        for scenario in scenarios(cfn, *ALARMS, TOPIC, *_POLICIES):
            for topic in notified_topics(scenario):
                policies = [policy for policy in scenario.resources(*_POLICIES) if _may_be_of(policy, topic, scenario)]
                documents = [policy.get("Properties", "PolicyDocument") for policy in policies]
                if documents and not any(_may_allow(document) for document in documents):
                    name = topic.path[-1]
                    yield fault(documents[0], f"cloudwatch.amazonaws.com may not publish to {name}, as its alarms do")


def _may_be_of(policy: Node, topic: Node, scenario: Scenario) -> bool:
    """Return False only where a policy is surely another topic's."""
    properties = policy.get("Properties")
    named = [*(properties.get("Topics").items() or ()), properties.get("TopicArn")]
    return any(scenario.referred(node) == topic.path[-1] for node in named if node.present)


def _may_allow(document: Node) -> bool:
    """Return False only where a document surely lets no alarm publish."""
    if document.get("Statement").items() is None:
        return True
    return any(
        statement.effect != "Deny" and statement.covers("sns:Publish") is not False and _may_be_cloudwatch(statement)
        for statement in statements(document)
    )


def _may_be_cloudwatch(statement: Statement) -> bool:
    principal = statement.node.get("Principal")
    if principal.mapping is None:
        return not principal.absent and principal.text in {None, "*"}
    everyone, services = principal.get("AWS").texts(), principal.get("Service").texts()
    if everyone is not None and "*" in everyone:
        return True
    return services is None or any(name in {"*", "cloudwatch.amazonaws.com"} for name in services)
