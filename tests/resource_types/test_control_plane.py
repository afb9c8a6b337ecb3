import pytest

from builder.resource_types.facts import control_plane_of
from builder.terms import Region


@pytest.mark.parametrize(
    ("type_name", "region", "where"),
    [
        ("AWS::IAM::Role", "us-west-2", "us-east-1"),
        ("AWS::S3::BucketPolicy", "eu-west-1", "us-east-1"),
        ("AWS::S3::Bucket", "cn-northwest-1", "cn-north-1"),
        ("AWS::Route53::RecordSet", "us-gov-east-1", "us-gov-west-1"),
    ],
)
def test_a_partition_has_one_home_for_what_is_global(type_name: str, region: str, where: str) -> None:
    plane = control_plane_of(type_name, Region(region))
    assert plane is not None
    assert plane.region == where


@pytest.mark.parametrize("type_name", ["AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::DynamoDB::GlobalTable"])
def test_a_regional_resource_hangs_on_its_own_region(type_name: str) -> None:
    assert control_plane_of(type_name, Region("us-west-2")) is None
