"""E9543: a log group under a key of the same template that CloudWatch Logs may not use."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import statements, written
from builder.rules._worlds import Scenario, scenarios

_KEYS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")


class LogGroupKey(Rule):
    """CloudWatch Logs uses a key by itself, whoever writes or reads: the account's rights do not help it."""

    id = "E9543"
    shortdesc = "The key of a log group lets CloudWatch Logs use it"
    description = (
        "CloudWatch Logs refuses a key whose policy does not let logs.REGION.amazonaws.com use it: 'The specified KMS "
        "key does not exist or is not allowed to be used with' the group. Looked for where the key is in the template."
    )
    source_url = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"
    topics = ("resources", "logs", "kms")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every log group whose key surely is not for it."""
        for scenario in scenarios(cfn, "AWS::Logs::LogGroup", *_KEYS):
            for group in scenario.resources("AWS::Logs::LogGroup"):
                named = group.get("Properties", "KmsKeyId")
                key = _key_of(named, scenario)
                if key is not None and not _may_let_logs(key.get("Properties", "KeyPolicy")):
                    yield fault(named, f"the policy of {key.path[-1]} lets no logs.REGION.amazonaws.com encrypt")


def _key_of(named: Node, scenario: Scenario) -> Node | None:
    name = scenario.referred(named)
    key = scenario.resource(name) if name else None
    return key if key is not None and key.get("Type").text in _KEYS else None


def _may_let_logs(policy: Node) -> bool:
    """Return False only where a policy surely does not let CloudWatch Logs use the key."""
    if policy.absent:
        return False  # the default is for the account alone
    if policy.mapping is None or policy.get("Statement").items() is None:
        return True
    return any(
        statement.effect != "Deny"
        and statement.covers("kms:Encrypt") is not False
        and _may_be_logs(statement.node.get("Principal"))
        for statement in statements(policy)
    )


def _may_be_logs(principal: Node) -> bool:
    if principal.mapping is None:
        return not principal.absent and (principal.text or "*") == "*"
    services = principal.get("Service")
    named = services.items()
    if named is None or "*" in (principal.get("AWS").texts() or ()):
        return True
    return any((text := written(service.value)) is None or text.startswith("logs.") for service in named)
