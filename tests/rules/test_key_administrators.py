import pytest

from builder.rules.key_administrators import KeyAdministrators
from rules.findings import find_in

KINDS = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey")


def policy(principal: str, action: str, effect: str = "Allow", more: str = "") -> str:
    statement = f'{{Effect: {effect}, Principal: {principal}, Action: "{action}", Resource: "*"}}'
    return f"{{KeyPolicy: {{Statement: [{statement}]}}{more}}}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "properties",
    [
        policy("{AWS: root}", "kms:Decrypt"),
        policy("{Service: logs.amazonaws.com}", "kms:*"),
        policy("{AWS: root}", "kms:*", "Deny"),
        policy("{AWS: root}", "kms:Decrypt", more=", BypassPolicyLockoutSafetyCheck: false"),
    ],
)
def test_a_policy_that_nobody_may_write_again_is_found(kind: str, properties: str) -> None:
    assert find_in(KeyAdministrators, kind, properties) == ["KeyPolicy"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "properties",
    [
        policy("{AWS: root}", "kms:PutKeyPolicy"),
        policy("{AWS: root}", "kms:Put*"),
        policy("'*'", "kms:*"),
        policy("!Ref Name", "kms:*"),
        policy("{AWS: root}", "kms:Decrypt", more=", BypassPolicyLockoutSafetyCheck: true"),
        policy("{AWS: root}", "kms:Decrypt", more=", BypassPolicyLockoutSafetyCheck: !Ref Name"),
        "{KeyPolicy: !Ref Name}",
        "{Description: the default}",
    ],
)
def test_one_that_somebody_may_write_or_perhaps_may_is_not(kind: str, properties: str) -> None:
    assert find_in(KeyAdministrators, kind, properties) == []
