import pytest

from builder.rules.log_group_key import LogGroupKey
from rules.findings import find

ACCOUNT = '{Effect: Allow, Principal: {AWS: "111122223333"}, Action: "kms:*", Resource: "*"}'


def places_of(policy: str, named: str = "!GetAtt Key.Arn") -> list[str]:
    return find(
        LogGroupKey,
        f"""
Parameters: {{Name: {{Type: String}}}}
Resources:
  Key: {{Type: AWS::KMS::Key, Properties: {{KeyPolicy: {policy}}}}}
  Group: {{Type: AWS::Logs::LogGroup, Properties: {{KmsKeyId: {named}}}}}
""",
    )


def logs(principal: str = "{Service: logs.us-east-1.amazonaws.com}", action: str = "kms:Encrypt*") -> str:
    statement = f'{{Effect: Allow, Principal: {principal}, Action: "{action}", Resource: "*"}}'
    return f"{{Statement: [{ACCOUNT}, {statement}]}}"


@pytest.mark.parametrize(
    "policy",
    [
        f"{{Statement: [{ACCOUNT}]}}",
        "!Ref AWS::NoValue",
        logs("{Service: s3.amazonaws.com}"),
        logs(action="kms:Decrypt"),
        f"{{Statement: [{ACCOUNT}, {{Effect: Deny, Principal: '*', Action: 'kms:Encrypt', Resource: '*'}}]}}",
    ],
)
def test_a_key_that_logs_surely_may_not_use_is_found(policy: str) -> None:
    assert places_of(policy) == ["Resources/Group/Properties/KmsKeyId"]


@pytest.mark.parametrize(
    "policy",
    [
        logs(),
        logs('{Service: !Sub "logs.${AWS::Region}.amazonaws.com"}'),
        logs("{Service: !Ref Name}"),
        logs('{AWS: "*"}'),
        logs("'*'"),
        "!Ref Name",
        "{Statement: !Ref Name}",
    ],
)
def test_one_that_it_may_use_or_perhaps_may_is_not(policy: str) -> None:
    assert places_of(policy) == []


def test_nothing_is_said_of_a_key_that_is_elsewhere() -> None:
    assert places_of(f"{{Statement: [{ACCOUNT}]}}", "!Ref Name") == []
