import pytest

from builder.rules.function_key_alias import FunctionKeyAlias
from rules.findings import find_in


@pytest.mark.parametrize(
    ("key", "is_found"),
    [
        ("arn:aws:kms:us-east-1:111122223333:alias/one", True),
        ('!Sub "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/one"', True),
        ("arn:aws:kms:us-east-1:111122223333:key/1", False),
        ('!Sub "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/${Name}"', False),
        ("!Ref Name", False),
        ("!Ref AWS::NoValue", False),
    ],
)
def test_an_alias_is_found_and_what_may_be_a_key_is_not(key: str, *, is_found: bool) -> None:
    assert find_in(FunctionKeyAlias, "AWS::Lambda::Function", f"{{KmsKeyArn: {key}}}") == ["KmsKeyArn"] * is_found
