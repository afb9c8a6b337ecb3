from typing import Any

import pytest

from builder.policy.resource import ACTION_ARNS, BoundResource, each_resource
from policy.system import ACCOUNT, CONTEXT, SHIPPED, resource, stack


def arns(resource: BoundResource) -> tuple[str, ...]:
    return ACTION_ARNS[resource.type].place(resource, CONTEXT).arns


def shipped(kind: str) -> set[str]:
    return {arn for resource in each_resource(SHIPPED) if resource.type == kind for arn in arns(resource)}


LAMBDA = {
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tap-dev-primary",
    f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:tap-dev-secondary",
}
BUCKETS = {f"arn:aws:s3:::tap-dev-{ACCOUNT}-us-east-1-an", f"arn:aws:s3:::tap-dev-{ACCOUNT}-us-west-2-an"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "AWS::DynamoDB::GlobalTable",
            {f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/tap-dev-global" for region in ("us-east-1", "us-west-2")},
        ),
        ("AWS::S3::Bucket", BUCKETS),
        ("AWS::S3::BucketPolicy", BUCKETS),
        ("AWS::Lambda::Function", LAMBDA),
        ("AWS::Lambda::Url", LAMBDA),
        ("AWS::Lambda::Permission", LAMBDA),
        (
            "AWS::IAM::Role",
            {
                f"arn:aws:iam::{ACCOUNT}:role/tap-dev-service-ExecutionRole-*",
                f"arn:aws:iam::{ACCOUNT}:role/tap-dev-storage-ReplicationRole-*",
            },
        ),
        (
            "AWS::Logs::LogGroup",
            {
                f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/aws/lambda/tap-dev-{role}{streams}"
                for region, role in (("us-east-1", "primary"), ("us-west-2", "secondary"))
                for streams in ("", ":*")
            },
        ),
    ],
)
def test_the_system_s_resources_are_known_to_their_last_part(kind: str, expected: set[str]) -> None:
    assert shipped(kind) == expected


def test_every_type_of_the_system_has_its_ground() -> None:
    assert {resource.type for resource in each_resource(SHIPPED)} <= set(ACTION_ARNS)


def test_a_replica_whose_region_cannot_be_known_may_be_in_any() -> None:
    table = resource(
        "AWS::DynamoDB::GlobalTable", TableName="t", Replicas=[{"Region": {"Fn::ImportValue": "x"}}, "no replica"]
    )
    assert arns(table) == (f"arn:aws:dynamodb:*:{ACCOUNT}:table/t",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("other", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:other"),
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:far", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:far"),
        ({"Fn::ImportValue": "x"}, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"),
    ],
)
def test_a_function_is_referred_to_by_name_by_arn_or_not_to_be_known(name: Any, expected: str) -> None:
    assert arns(resource("AWS::Lambda::Permission", FunctionName=name)) == (expected,)


@pytest.mark.parametrize("reference", [{"Ref": "Function"}, {"Fn::GetAtt": ["Function", "Arn"]}])
def test_a_function_without_a_name_is_referred_to_by_the_pattern_of_its_own(reference: dict[str, Any]) -> None:
    url = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": reference}}
    bound = stack(Function={"Type": "AWS::Lambda::Function", "Properties": {}}, Url=url)
    expected = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:tap-dev-own-Function-*"
    assert arns(BoundResource(bound, "Url", url)) == (expected,)


def test_a_role_s_path_is_part_of_its_arn() -> None:
    role = resource("AWS::IAM::Role", RoleName="r", Path="/team/")
    assert arns(role) == (f"arn:aws:iam::{ACCOUNT}:role/team/r",)
