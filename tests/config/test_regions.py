import boto3
import pytest

from builder.components.available import known_regions, name_fault, region_fault
from builder.components.bucket.options import RESOURCE_TYPES as BUCKET
from builder.components.function.options import RESOURCE_TYPES as FUNCTION
from builder.components.table.options import RESOURCE_TYPES as TABLE
from components.templates import templates

RESOURCE_TYPES = {*TABLE, *BUCKET, *FUNCTION}


def test_what_is_not_made_is_not_missed() -> None:
    assert region_fault("me-south-1", TABLE) is None
    assert region_fault("eu-central-2", {*TABLE, *BUCKET}) is None


def test_the_regions_are_those_that_botocore_knows() -> None:
    session = boto3.Session()

    for partition in session.get_available_partitions():
        for region in session.get_available_regions("dynamodb", partition):
            assert known_regions()[region] == partition


def test_no_pseudo_region_is_among_them() -> None:
    assert not [region for region in known_regions() if region.endswith("global")]


@pytest.mark.parametrize("name", ["us-east-1", "eu-central-1", "cn-north-1", "ap-southeast-2"])
def test_a_region_is_no_fault(name: str) -> None:
    assert name_fault(name) is None
    assert region_fault(name, RESOURCE_TYPES) is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("us-west-9", "us-west-2"), ("useast1", "us-east-1"), ("eu_central_1", "eu-central-1"), ("Ireland", "eu-west-1")],
)
def test_the_nearest_region_is_asked_for(name: str, nearest: str) -> None:
    assert name_fault(name) == f"'{name}' is not an AWS region (did you mean {nearest}?)"


@pytest.mark.parametrize("name", ["me-south-1", "me-central-1"])
def test_a_region_must_have_account_regional_buckets(name: str) -> None:
    assert (
        region_fault(name, RESOURCE_TYPES)
        == f"'{name}' has no account-regional bucket names, which this system's buckets need"
    )


@pytest.mark.parametrize("name", ["eu-central-2", "us-gov-west-1"])
def test_a_region_must_have_every_resource_type(name: str) -> None:
    assert region_fault(name, RESOURCE_TYPES) == (
        f"'{name}' has no AWS::Lambda::Url, which this system needs (as far as the installed cfn-lint knows)"
    )


def test_the_resource_types_are_those_of_the_templates() -> None:
    made = templates(function={"url_auth": "NONE"}).values()

    assert {resource["Type"] for template in made for resource in template["Resources"].values()} == RESOURCE_TYPES
