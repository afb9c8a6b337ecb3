import pytest

from builder.rules.bucket_name_prefix import BucketNamePrefix
from rules.findings import find_in


def find(properties: str) -> list[str]:
    return find_in(BucketNamePrefix, "AWS::S3::Bucket", properties)


@pytest.mark.parametrize(
    "properties",
    [
        "{BucketName: tap-data, BucketNamePrefix: tap}",
        "{BucketName: !Ref Name, BucketNamePrefix: !Ref Name}",
        "{BucketName: !If [IsNamed, !Ref Name, !Ref AWS::NoValue], BucketNamePrefix: tap}",
    ],
)
def test_both_at_once_are_found(properties: str) -> None:
    assert find(properties) == ["BucketNamePrefix"]


@pytest.mark.parametrize(
    "properties",
    [
        "{BucketName: tap-data}",
        "{BucketNamePrefix: tap}",
        "{}",
        "{BucketName: !If [IsNamed, a, !Ref AWS::NoValue], BucketNamePrefix: !If [IsNamed, !Ref AWS::NoValue, b]}",
    ],
)
def test_nothing_is_said_of_one_name_in_each_world(properties: str) -> None:
    assert find(properties) == []
