import pytest

from builder.rules.bucket_tls import BucketTls
from rules.findings import find

BUCKET = "Resources/Bucket"
DENY = "Effect: Deny, Principal: '*', Action: 's3:*'"
TLS = "Condition: {Bool: {aws:SecureTransport: 'false'}}"


def template(statement: str, *, bucket: str = "{}", named: str = "!Ref Bucket", more: str = "") -> str:
    return f"""
Parameters: {{Name: {{Type: String}}, Statements: {{Type: String}}}}
Conditions: {{IsNamed: !Equals [!Ref Name, tap]}}
Resources:
  Bucket: {{Type: AWS::S3::Bucket, Properties: {bucket}}}
  Other: {{Type: AWS::S3::Bucket, Properties: {{WebsiteConfiguration: {{IndexDocument: index.html}}}}}}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: {{Bucket: {named}, PolicyDocument: {{Statement: {statement}}}}}
{more}
"""


@pytest.mark.parametrize(
    "statement",
    [
        f"{{{DENY}, {TLS}}}",
        f"[{{Effect: Allow, Principal: '*', Action: 's3:GetObject'}}, {{{DENY}, {TLS}}}]",
        f"[{{Effect: Deny, Principal: {{AWS: ['*']}}, Action: [s3:GetObject, s3:PutObject], {TLS}}}]",
        f"[{{Effect: Deny, NotPrincipal: {{AWS: arn:aws:iam::1:root}}, NotAction: iam:*, {TLS}}}]",
        f"[{{{DENY}, Condition: {{BoolIfExists: {{AWS:securetransport: false}}}}}}]",
        f"[{{{DENY}, Condition: {{NumericLessThan: {{s3:TlsVersion: 1.2}}}}}}]",
        f"[{{{DENY}}}]",
    ],
)
def test_a_policy_that_denies_plain_http_will_do(statement: str) -> None:
    assert find(BucketTls, template(statement)) == []


@pytest.mark.parametrize(
    "statement",
    [
        f"{{Effect: Allow, Principal: '*', Action: 's3:*', {TLS}}}",
        "{Effect: Allow, Principal: '*', Action: 's3:*', Condition: {Bool: {aws:SecureTransport: 'true'}}}",
        f"{{Effect: Deny, Principal: {{AWS: arn:aws:iam::111122223333:root}}, Action: 's3:*', {TLS}}}",
        f"{{Effect: Deny, Principal: {{Service: s3.amazonaws.com}}, Action: 's3:*', {TLS}}}",
        f"{{Effect: Deny, Principal: '*', Action: s3:PutObject, {TLS}}}",
        f"{{Effect: Deny, Principal: '*', NotAction: s3:Get*, {TLS}}}",
        f"{{{DENY}, Condition: {{Bool: {{aws:SecureTransport: 'true'}}}}}}",
        f"{{{DENY}, Condition: {{StringEquals: {{aws:SourceVpce: vpce-1}}}}}}",
        f"!If [IsNamed, {{{DENY}, {TLS}}}, !Ref AWS::NoValue]",
    ],
)
def test_a_policy_that_lets_plain_http_pass_is_none(statement: str) -> None:
    assert find(BucketTls, template(statement)) == [BUCKET]


@pytest.mark.parametrize(
    "statement",
    [
        "!Ref Statements",
        f"{{{DENY}, Condition: !Ref Name}}",
        f"{{{DENY}, Condition: {{Bool: {{aws:SecureTransport: !Ref Name}}}}}}",
        f"{{Effect: !Ref Name, Principal: '*', Action: 's3:*', {TLS}}}",
        f"{{Effect: Deny, Principal: !Ref Name, Action: 's3:*', {TLS}}}",
        f"{{Effect: Deny, Principal: '*', Action: !Ref Name, {TLS}}}",
    ],
)
def test_nothing_is_said_of_a_policy_that_can_t_be_known(statement: str) -> None:
    assert find(BucketTls, template(statement)) == []


GOOD = f"{{{DENY}, {TLS}}}"


@pytest.mark.parametrize(
    ("bucket", "named"),
    [
        ("{BucketName: tap-data}", "tap-data"),
        ("{BucketName: !Sub '${Name}-data'}", "!Sub '${Name}-data'"),
        ("{BucketName: tap-data}", "!Ref Name"),
        ("{BucketName: !Ref Name}", "tap-data"),
        ("{}", "!Sub '${Bucket}'"),
    ],
)
def test_a_policy_may_name_its_bucket(bucket: str, named: str) -> None:
    assert find(BucketTls, template(GOOD, bucket=bucket, named=named)) == []


@pytest.mark.parametrize(
    ("bucket", "named"),
    [("{BucketName: tap-data}", "tap-logs"), ("{}", "tap-data"), ("{}", "!Ref Name"), ("{}", "!Ref Other")],
)
def test_another_bucket_s_policy_does_not_help(bucket: str, named: str) -> None:
    assert find(BucketTls, template(GOOD, bucket=bucket, named=named)) == [BUCKET]


def test_a_bucket_without_any_policy_is_found() -> None:
    assert find(BucketTls, "Resources: {Bucket: {Type: AWS::S3::Bucket}}") == [BUCKET]


def test_a_policy_of_another_world_does_not_help() -> None:
    conditional = template(GOOD).replace(
        "    Type: AWS::S3::BucketPolicy", "    Type: AWS::S3::BucketPolicy\n    Condition: IsNamed"
    )
    assert find(BucketTls, conditional) == [BUCKET]


def test_nothing_is_said_of_websites_and_where_a_module_may_bring_the_policy() -> None:
    assert find(BucketTls, template(GOOD, bucket="{WebsiteConfiguration: !Ref Name}", named="!Ref Other")) == []
    module = "  More: {Type: Acme::Bucket::Policy::MODULE}"
    assert find(BucketTls, template(GOOD, named="!Ref Other", more=module)) == []
