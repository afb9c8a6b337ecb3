"""Templates named by URL are read from the world's own S3, or refused as CloudFormation refuses them."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import Unsupported, World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

    from fake_aws.conftest import Deploy

OTHER_ACCOUNT = "999900001111"


@pytest.fixture
def s3(world: World) -> "S3Client":
    """A client beside a bucket `artifacts` of us-west-2, which holds the template at `a/t 1.yaml`."""
    client = world.session().client("s3", region_name="us-west-2")
    client.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client.put_object(Bucket="artifacts", Key="a/t 1.yaml", Body=TOPIC.encode())
    return client


def _request(url: str) -> dict[str, str]:
    return {"StackName": "app", "ChangeSetName": "one", "ChangeSetType": "CREATE", "TemplateURL": url}


@pytest.mark.parametrize(
    "url",
    [
        "https://artifacts.s3.us-west-2.amazonaws.com/a/t%201.yaml",
        "https://artifacts.s3.amazonaws.com/a/t%201.yaml",
        "https://s3.us-west-2.amazonaws.com/artifacts/a/t%201.yaml",
        "https://s3-us-west-2.amazonaws.com/artifacts/a/t%201.yaml",
    ],
)
@pytest.mark.usefixtures("s3")
def test_a_template_is_read_from_a_bucket_of_any_region(world: World, cfn: "CloudFormationClient", url: str) -> None:
    made = cfn.create_change_set(**_request(url))  # type: ignore[arg-type]  # keywords shared by the tests
    world.settle()
    assert cfn.describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE"
    assert str(cfn.get_template(ChangeSetName=made["Id"])["TemplateBody"]) == TOPIC
    assert cfn.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SNS::Topic"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://artifacts.s3.us-west-2.amazonaws.com/a/t%201.yaml", "TemplateURL must be a supported URL."),
        ("https://artifacts.s3-website-us-west-2.amazonaws.com/a", "TemplateURL must be a supported URL."),
        ("https://example.com/t.yaml", "TemplateURL must be a supported URL."),
        ("https://artifacts.s3.us-west-2.amazonaws.com/none", "S3 error: The specified key does not exist.\nFor more"),
        ("https://nobodys.s3.us-west-2.amazonaws.com/none", "S3 error: The specified bucket does not exist\nFor more"),
        ("https://others.s3.us-west-2.amazonaws.com/none", "S3 error: Access Denied\nFor more information"),
        ("https://artifacts.s3.us-east-1.amazonaws.com/none", "S3 error: The bucket you are attempting to access must"),
        ("https://artifacts.s3.us-west-2.amazonaws.com/long", "Template may not exceed 1000000 bytes in size."),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    world: World, cfn: "CloudFormationClient", s3: "S3Client", url: str, reason: str
) -> None:
    s3.put_object(Bucket="artifacts", Key="long", Body=b" " * 1_000_001)
    world.by_hand("AWS::S3::Bucket", {"BucketName": "others"}, account=OTHER_ACCOUNT, region="us-west-2")
    with pytest.raises(ClientError) as refused:
        cfn.create_change_set(**_request(url))  # type: ignore[arg-type]
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["Error"]["Message"].startswith(reason)
    assert not world.stack("app").exists


def test_a_template_too_long_for_the_request_is_taken_from_s3(
    world: World, cfn: "CloudFormationClient", s3: "S3Client", deploy: "Deploy"
) -> None:
    s3.put_object(Bucket="artifacts", Key="long", Body=(TOPIC + "#" * 51_200).encode())
    cfn.create_change_set(**_request("https://artifacts.s3.us-west-2.amazonaws.com/long"))  # type: ignore[arg-type]
    world.settle()
    cfn.execute_change_set(StackName="app", ChangeSetName="one")
    world.settle()
    assert world.stack("app").status == "CREATE_COMPLETE"


def test_documents_of_systems_manager_are_not_known(cfn: "CloudFormationClient") -> None:
    with pytest.raises(Unsupported, match="Systems Manager"):
        cfn.create_change_set(**_request("ssm-doc://arn:aws:ssm:us-east-1:111122223333:document/x"))  # type: ignore[arg-type]


def test_an_old_version_of_the_template_can_be_named(world: World, cfn: "CloudFormationClient") -> None:
    bucket = {"BucketName": "kept", "VersioningConfiguration": {"Status": "Enabled"}}
    world.by_hand("AWS::S3::Bucket", bucket)
    s3 = world.session().client("s3", region_name="us-east-1")
    old = s3.put_object(Bucket="kept", Key="t", Body=TOPIC.encode())["VersionId"]
    s3.put_object(Bucket="kept", Key="t", Body=b"newer")
    url = f"https://kept.s3.us-east-1.amazonaws.com/t?versionId={old}"
    assert cfn.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SNS::Topic"]


@pytest.mark.parametrize(
    ("region", "constraint", "code"),
    [
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("us-west-2", "eu-west-1", "IllegalLocationConstraintException"),
        ("us-west-2", None, "IllegalLocationConstraintException"),
    ],
)
def test_a_bucket_is_made_where_its_endpoint_is(world: World, region: str, constraint: str | None, code: str) -> None:
    client = world.session().client("s3", region_name=region)
    more = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
    with pytest.raises(ClientError) as refused:
        client.create_bucket(Bucket="b", **more)  # type: ignore[arg-type]
    assert refused.value.response["Error"]["Code"] == code


def test_a_bucket_name_is_taken_once_in_the_world(world: World, s3: "S3Client") -> None:
    with pytest.raises(ClientError) as mine:
        s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    other = world.session(OTHER_ACCOUNT).client("s3", region_name="us-east-1")
    with pytest.raises(ClientError) as others:
        other.create_bucket(Bucket="artifacts")
    assert [each.value.response["Error"]["Code"] for each in (mine, others)] == [
        "BucketAlreadyOwnedByYou",
        "BucketAlreadyExists",
    ]
    for _ in range(2):  # in us-east-1 the second time is a success too
        other.create_bucket(Bucket="another")
