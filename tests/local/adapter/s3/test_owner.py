"""Whose bucket a request expects, on the embedded AWS."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

Work = Callable[[Any, dict[str, str]], object]
CALLS: dict[str, Work] = {
    "put": lambda s3, owned: s3.put_object(Bucket="owned", Key="k", Body=b"x", **owned),
    "head": lambda s3, owned: s3.head_object(Bucket="owned", Key="k", **owned),
    "list": lambda s3, owned: s3.list_object_versions(Bucket="owned", **owned),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_bucket_of_another_account_than_expected_is_refused(
    session: boto3.Session, account_id: str, call: str
) -> None:
    s3 = session.client("s3")
    s3.create_bucket(Bucket="owned")
    s3.put_object(Bucket="owned", Key="k", Body=b"x")
    try:
        CALLS[call](s3, {"ExpectedBucketOwner": account_id})
        with pytest.raises(ClientError) as caught:
            CALLS[call](s3, {"ExpectedBucketOwner": "999988887777"})
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    finally:
        s3.delete_object(Bucket="owned", Key="k")
        s3.delete_bucket(Bucket="owned")
