import asyncio

import boto3
import pytest

from builder.aws import Clients
from builder.errors import AwsError, Failed
from builder.rehearsal import stage as module
from builder.rehearsal.stage import RegionOutputs, Visitor
from builder.terms import Region


@pytest.fixture
def places(session: boto3.Session, account_id: str) -> tuple[RegionOutputs, RegionOutputs]:
    """Two buckets with nothing between them."""
    primary = RegionOutputs(Region("us-east-1"), "http://a/", f"lone-{account_id}-us-east-1")
    secondary = RegionOutputs(Region("us-west-2"), "http://b/", f"lone-{account_id}-us-west-2")
    session.client("s3", "us-east-1").create_bucket(Bucket=primary.bucket)
    session.client("s3", "us-west-2").create_bucket(
        Bucket=secondary.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    return primary, secondary


def test_an_object_that_is_not_replicated_fails(
    places: tuple[RegionOutputs, RegionOutputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    with pytest.raises(Failed, match=r"does not arrive in lone-.* within 0 s"):
        asyncio.run(module._copy(Clients.of_profile(None), places[0], places[1:], tell=lambda _: None))


def test_a_copy_that_lost_its_metadata_fails(
    places: tuple[RegionOutputs, RegionOutputs], session: boto3.Session
) -> None:
    session.client("s3", "us-west-2").put_object(Bucket=places[1].bucket, Key="rehearsal/object.txt", Body=b"x")
    with pytest.raises(Failed, match=r"has metadata \{\}"):
        asyncio.run(module._copy(Clients.of_profile(None), places[0], places[1:], tell=lambda _: None))


def test_a_missing_bucket_is_aws_s_answer_and_not_patience(places: tuple[RegionOutputs, RegionOutputs]) -> None:
    primary, secondary = places
    gone = RegionOutputs(primary.region, primary.url, "there-is-no-such-bucket")
    with pytest.raises(AwsError):
        asyncio.run(module._copy(Clients.of_profile(None), gone, [secondary], tell=lambda _: None))


def test_an_answer_with_another_status_fails() -> None:
    visitor = Visitor("http://127.0.0.1:9", "123456789012", signs=False)
    with pytest.raises(Failed):
        asyncio.run(module._ask(visitor, "GET", "https://x.lambda-url.us-east-1.on.aws/", 200))
