from typing import Any

import pytest

from builder.policy.resource import BoundResource, place_of
from policy.system import ACCOUNT, CONTEXT, resource, stack

BOUNDARY = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/b"}


def test_an_action_on_the_resource_itself_is_allowed_there_only() -> None:
    place = place_of("dynamodb:UpdateTable", resource("AWS::DynamoDB::Table", TableName="t"), CONTEXT)
    assert (place.name, place.arns) == ("Tables", (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t",))


@pytest.mark.parametrize("action", ["dynamodb:ListTables", "logs:DescribeLogGroups", "ec2:DescribeVpcs"])
def test_an_action_without_a_resource_is_allowed_on_anything(action: str) -> None:
    assert place_of(action, resource("AWS::DynamoDB::Table"), CONTEXT).arns == ("*",)


def test_of_an_unknown_type_every_action_is() -> None:
    assert place_of("sqs:CreateQueue", resource("AWS::SQS::Queue", QueueName="q"), CONTEXT).arns == ("*",)


def test_an_action_on_another_service_s_things_stays_within_that_service_and_account() -> None:
    place = place_of("kms:CreateGrant", resource("AWS::Lambda::Function"), CONTEXT)
    assert (place.name, place.arns) == ("OtherKms", (f"arn:aws:kms:*:{ACCOUNT}:*",))


@pytest.mark.parametrize(
    ("kind", "properties", "arns"),
    [
        ("AWS::KMS::Key", {}, ("us-east-1:{}:key/*",)),
        ("AWS::KMS::Key", {"MultiRegion": True}, ("us-east-1:{}:key/mrk-*",)),
        (
            "AWS::KMS::ReplicaKey",
            {"PrimaryKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/mrk-1"},
            ("us-east-1:{}:key/mrk-*", "eu-west-1:{}:key/mrk-*"),
        ),
        ("AWS::KMS::ReplicaKey", {"PrimaryKeyArn": {"Ref": "X"}}, ("us-east-1:{}:key/mrk-*", "*:{}:key/mrk-*")),
        ("AWS::KMS::Alias", {"AliasName": "alias/a"}, ("us-east-1:{}:alias/a", "us-east-1:{}:key/*")),
    ],
)
def test_a_key_has_an_id_that_aws_makes_up_and_an_alias_is_changed_with_its_key(
    kind: str, properties: dict[str, Any], arns: tuple[str, ...]
) -> None:
    place = place_of("kms:DescribeKey", resource(kind, **properties), CONTEXT)
    assert place.arns == tuple(f"arn:aws:kms:{arn.format(ACCOUNT)}" for arn in arns)


def test_only_the_key_s_service_linked_role_may_be_made() -> None:
    place = place_of("iam:CreateServiceLinkedRole", resource("AWS::KMS::Key"), CONTEXT)
    assert place.conditions == (("StringEquals", "iam:AWSServiceName", ("mrk.kms.amazonaws.com",)),)


def test_an_action_on_objects_is_allowed_within_the_bucket() -> None:
    assert place_of("s3:PutObjectAcl", resource("AWS::S3::Bucket", BucketName="b"), CONTEXT).arns == (
        "arn:aws:s3:::b/*",
    )


def test_only_the_table_s_service_linked_role_may_be_made() -> None:
    place = place_of("iam:CreateServiceLinkedRole", resource("AWS::DynamoDB::GlobalTable"), CONTEXT)
    assert place.conditions == (("StringEquals", "iam:AWSServiceName", ("replication.dynamodb.amazonaws.com",)),)
    assert place.arns[0].endswith("replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication")


def test_of_another_type_any_service_linked_role_may() -> None:
    place = place_of("iam:CreateServiceLinkedRole", resource("AWS::ECS::Cluster"), CONTEXT)
    assert place.arns == (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/*/*",)
    assert place.conditions == ()


def passed(**properties: Any) -> tuple[str, ...]:
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    bound = stack(Own={"Type": "AWS::IAM::Role", "Properties": {}}, Function=function)
    return place_of("iam:PassRole", BoundResource(bound, "Function", function), CONTEXT).arns


@pytest.mark.parametrize(
    ("role", "arns"),
    [
        ({"Fn::GetAtt": ["Own", "Arn"]}, (f"arn:aws:iam::{ACCOUNT}:role/tap-dev-own-Own-*",)),
        ("arn:aws:iam::111122223333:role/theirs", ("arn:aws:iam::111122223333:role/theirs",)),
        ({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/r"}, (f"arn:aws:iam::{ACCOUNT}:role/r",)),
        ({"Fn::ImportValue": "x"}, (f"arn:aws:iam::{ACCOUNT}:role/*",)),
    ],
)
def test_exactly_the_roles_that_a_resource_hands_over_may_be_passed(role: Any, arns: tuple[str, ...]) -> None:
    assert passed(Role=role) == arns


def test_a_resource_that_hands_over_none_passes_none() -> None:
    assert passed(Environment={"Variables": {"UserRole": "reader", "ROLE": {"Ref": "Role"}}}) == ()


def test_what_could_widen_a_bounded_role_is_allowed_within_its_boundary_only() -> None:
    role = resource("AWS::IAM::Role", PermissionsBoundary=BOUNDARY)
    within = (("StringEquals", "iam:PermissionsBoundary", (f"arn:aws:iam::{ACCOUNT}:policy/b",)),)
    assert place_of("iam:CreateRole", role, CONTEXT).conditions == within
    assert place_of("iam:DeleteRole", role, CONTEXT).conditions == ()


def test_a_boundary_that_cannot_be_known_binds_nothing() -> None:
    role = resource("AWS::IAM::Role", PermissionsBoundary={"Fn::ImportValue": "x"})
    assert place_of("iam:CreateRole", role, CONTEXT).conditions == ()
