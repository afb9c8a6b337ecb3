import pytest

from builder.policy.document import PolicyContext
from builder.policy.resource import each_resource, physical_name
from policy.system import CONTEXT, SHIPPED, resource

LONG = PolicyContext("aws", "111122223333", "an-environment-with-a-long-suffix-x")


def test_every_resource_of_every_stack_is_there() -> None:
    kinds = [resource.type for resource in each_resource(SHIPPED)]
    assert len(kinds) == 18
    assert kinds.count("AWS::S3::Bucket") == 2


def test_a_name_that_the_template_says_is_computed() -> None:
    bucket = resource("AWS::S3::Bucket", BucketName={"Fn::Sub": "x-${EnvironmentSuffix}-${AWS::AccountId}"})
    assert physical_name(bucket, CONTEXT) == "x-dev-111122223333"


def test_a_name_that_cannot_be_known_is_any() -> None:
    assert physical_name(resource("AWS::S3::Bucket", BucketName={"Fn::ImportValue": "x"}), CONTEXT) == "*"


def test_a_name_by_prefix_is_the_account_s_own() -> None:
    bucket = resource("AWS::S3::Bucket", BucketNamePrefix="x")
    assert physical_name(bucket, CONTEXT) == "x-111122223333-us-east-1-an"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AWS::IAM::Role", "tap-dev-own-Thing-*"),
        ("AWS::Lambda::Function", "tap-dev-own-Thing-*"),
        ("AWS::S3::Bucket", "tap-dev-own-thing-*"),
    ],
)
def test_a_name_that_cloudformation_makes_up_is_a_pattern(kind: str, name: str) -> None:
    assert physical_name(resource(kind), CONTEXT) == name


def test_where_a_made_up_name_would_be_cut_its_surely_kept_beginning_is_relied_on() -> None:
    name = "warehouse-orders-${EnvironmentSuffix}-own"
    assert physical_name(resource("AWS::IAM::Role", name=name), LONG) == "warehouse-orders-an-*"
    # A table may have a longer name, so nothing is cut.
    assert physical_name(resource("AWS::DynamoDB::Table", name=name), LONG).endswith("-own-Thing-*")


def test_of_a_name_that_a_template_completes_only_what_is_before_that_is_relied_on() -> None:
    name = "StackSet-tap-${EnvironmentSuffix}-us-west-2-service-*"
    assert physical_name(resource("AWS::IAM::Role", name=name), PolicyContext()) == "StackSet-tap-*"


def test_a_property_is_found_at_any_depth() -> None:
    function = resource("AWS::Lambda::Function", Code={"S3Bucket": "b"}, Layers=[{"Ref": "L"}])
    assert function.says("S3Bucket")
    assert function.says("Ref")
    assert not function.says("VpcConfig")


def test_a_resource_without_properties_says_nothing() -> None:
    bare = resource("AWS::S3::Bucket")
    assert not type(bare)(bare.bound, "Thing", {"Type": "AWS::S3::Bucket"}).says("BucketName")
