"""E9544: a key whose policy nobody may change."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import statements
from builder.rules._worlds import resources


class KeyAdministrators(Rule):
    """A key that is locked is one for AWS's support, and KMS refuses the policy in the first place."""

    id = "E9544"
    shortdesc = "Somebody may change a key's policy"
    description = (
        "KMS refuses a policy by which whoever writes it could not write it again, unless "
        "BypassPolicyLockoutSafetyCheck is true. No IAM policy gives what the key's own does not give to the account."
    )
    source_url = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"
    topics = ("resources", "kms", "iam")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every key's policy that surely lets no account, user or role write it again."""
        for key in resources(cfn, "AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
            policy, bypass = key.get("Properties", "KeyPolicy"), key.get("Properties", "BypassPolicyLockoutSafetyCheck")
            is_checked = bypass.absent or bypass.text == "false"
            is_known = policy.mapping is not None and policy.get("Statement").items() is not None
            if is_checked and is_known and not _may_be_written(policy):
                yield fault(policy, "no statement lets an account, a user or a role do kms:PutKeyPolicy")


def _may_be_written(policy: Node) -> bool:
    return any(
        statement.effect != "Deny"
        and statement.covers("kms:PutKeyPolicy") is not False
        and not _is_service(statement.node.get("Principal"))
        for statement in statements(policy)
    )


def _is_service(principal: Node) -> bool:
    """Return whether a principal is surely a service and nobody else."""
    return principal.mapping is not None and principal.mapping.keys() == {"Service"}
