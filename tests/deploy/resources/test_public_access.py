"""A property that opens something to the world is reported, and no other: a table of both."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.public_access import newly_public, public_access
from builder.template import read_template

ROOT = Path(__file__).parents[3]

EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}


def _bound(key: str, accounts: object) -> dict[str, Any]:
    return {**EVERYBODY, "Condition": {"StringEquals": {key: accounts}}}


OPENS: list[tuple[str, dict[str, Any], str]] = [
    ("AWS::Lambda::Url", {"AuthType": "NONE"}, "anyone on the internet may call this URL: its AuthType is NONE"),
    ("AWS::Lambda::Url", {"AuthType": {"Fn::If": ["Dev", "NONE", "AWS_IAM"]}}, "AuthType is NONE"),
    ("AWS::Lambda::Permission", {"Principal": "*", "Action": "lambda:InvokeFunction"}, "anybody may do lambda:Invoke"),
    (
        "AWS::Lambda::Permission",
        {"Principal": "*", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "AWS_IAM"},
        "anybody with an AWS account",
    ),
    ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [EVERYBODY]}}, "anybody may do s3:GetObject"),
    ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": EVERYBODY}}, "anybody may do s3:GetObject"),
    ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [_bound("aws:PrincipalAccount", "*")]}}, "anybody may"),
    ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [_bound("aws:PrincipalAccount", [])]}}, "anybody may"),
    ("AWS::SQS::QueuePolicy", {"PolicyDocument": json.dumps({"Statement": [EVERYBODY]})}, "anybody may do"),
    (
        "AWS::SNS::TopicPolicy",
        {"PolicyDocument": {"Statement": [{**EVERYBODY, "Principal": {"AWS": ["arn:aws:iam::1:root", "*"]}}]}},
        "anybody may do",
    ),
    (
        "AWS::KMS::Key",
        {"KeyPolicy": {"Statement": [{**EVERYBODY, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}]}},
        "where a condition on aws:PrincipalOrgID holds",
    ),
    (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": {"Statement": [{"NotPrincipal": {"AWS": "a"}, "Action": "x"}]}},
        "but",
    ),
    (
        "AWS::EC2::SecurityGroup",
        {"SecurityGroupIngress": [{"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 22, "ToPort": "22"}]},
        "the whole internet (0.0.0.0/0) reaches port 22 by tcp",
    ),
    ("AWS::EC2::SecurityGroupIngress", {"CidrIpv6": "0::/0", "IpProtocol": -1}, "reaches every port"),
    (
        "AWS::S3::Bucket",
        {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": False}},
        "BlockPublicPolicy is switched",
    ),
    ("AWS::S3::Bucket", {"AccessControl": "PublicRead"}, "PublicRead"),
    ("AWS::RDS::DBInstance", {"PubliclyAccessible": "true"}, "PubliclyAccessible"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Name": "x"}, "faces the internet"),
    ("AWS::ApiGateway::Method", {"HttpMethod": "GET", "AuthorizationType": "NONE"}, "anyone may call GET"),
    ("AWS::ApiGatewayV2::Route", {"RouteKey": "GET /"}, "anyone may call GET /"),
    ("AWS::EKS::Cluster", {"ResourcesVpcConfig": {"SubnetIds": ["s"]}}, "cluster's endpoint"),
    ("AWS::ECR::PublicRepository", {"RepositoryName": "x"}, "pull"),
    ("AWS::EC2::Instance", {"NetworkInterfaces": [{"AssociatePublicIpAddress": True}]}, "public address"),
]
CLOSED: list[tuple[str, dict[str, Any]]] = [
    ("AWS::Lambda::Url", {"AuthType": "AWS_IAM"}),
    ("AWS::Lambda::Url", {"AuthType": "{{changeSet:KNOWN_AFTER_APPLY}}"}),
    ("AWS::Lambda::Permission", {"Principal": "*", "SourceAccount": "111122223333", "Action": "lambda:InvokeFunction"}),
    ("AWS::Lambda::Permission", {"Principal": "s3.amazonaws.com", "Action": "lambda:InvokeFunction"}),
    ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [{**EVERYBODY, "Effect": "Deny"}]}}),
    ("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": [{"CidrIp": "10.0.0.0/8", "IpProtocol": "tcp"}]}),
    ("AWS::EC2::SecurityGroup", {"SecurityGroupEgress": [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}]}),
    ("AWS::S3::Bucket", {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}}),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"}),
    ("AWS::EKS::Cluster", {"ResourcesVpcConfig": {"PublicAccessCidrs": ["203.0.113.0/24"]}}),
    ("AWS::SQS::QueuePolicy", {"PolicyDocument": '"Statement" is no policy'}),
    ("AWS::KMS::Key", {"KeyPolicy": {"Statement": [_bound("kms:CallerAccount", {"Ref": "AWS::AccountId"})]}}),
    ("AWS::KMS::Key", {"KeyPolicy": {"Statement": [_bound("aws:principalaccount", ["111122223333"])]}}),
]


@pytest.mark.parametrize(("kind", "properties", "says"), OPENS)
def test_what_opens_something_to_the_world_is_told(kind: str, properties: dict[str, Any], says: str) -> None:
    assert says in " ".join(public_access(kind, properties))
    assert newly_public(kind, None, properties)
    assert newly_public(kind, properties, properties) == ()


@pytest.mark.parametrize(("kind", "properties"), CLOSED)
def test_what_opens_nothing_is_not(kind: str, properties: dict[str, Any]) -> None:
    assert public_access(kind, properties) == ()


ODD: tuple[object, ...] = (
    None,
    1.5,
    [None, "x"],
    {"Fn::If": ["C", {"Ref": "A"}, ["x"]]},
    {"Fn::If": "x"},
    [{"Fn::If": ["C", {"A": {"Fn::GetAtt": ["B", "C"]}}, {"Ref": "AWS::NoValue"}]}],
)
"""What a template may hold where a text is expected: CloudFormation shows functions that it has not resolved."""


def mutated(value: object) -> Iterator[object]:
    """Yield a value with one part of it, or all, replaced by something odd."""
    yield from ODD
    if isinstance(value, dict):
        yield from ({**value, key: other} for key, inner in value.items() for other in mutated(inner))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in mutated(inner))


def test_whatever_stands_in_a_property_is_no_failure() -> None:
    shipped = {
        str(body["Type"]): dict(body.get("Properties", {}))
        for file in ("table", "storage", "service")
        for body in read_template((ROOT / f"templates/us-east-1/{file}.yaml").read_bytes()).resources().values()
        if body["Type"] in HOLDERS
    }
    opened = [(kind, properties) for kind, properties, _ in OPENS]
    for kind, properties in (*opened, *CLOSED, *shipped.items()):
        for other in mutated(properties):
            if isinstance(other, dict):
                public_access(kind, other)
                seen = Seen(before=properties, after=other)
                backwards = Seen(before=other, after=properties)
                if holder := HOLDERS.get(kind):
                    holder.losses(seen), holder.losses(backwards)
                    holder.warnings(seen), holder.warnings(backwards)
                    holder.regions(other), holder.weakens(properties, other), holder.weakens(other, properties)
