import io
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import function

_RESERVED = "ReservedConcurrentExecutions"


def _function(**properties: Any) -> dict[str, Any]:
    made = function("tap")
    made["Function"]["Properties"].update(properties)
    return made


def _reserved(account: Account) -> int | None:
    return account.functions().get_function_concurrency(FunctionName="tap").get("ReservedConcurrentExecutions")


def test_concurrency_is_reserved_changed_and_given_back(account: Account) -> None:
    assert deploy(account, "app", _function(**{_RESERVED: 3})).status == "CREATE_COMPLETE"
    assert _reserved(account) == 3
    assert update(account, "app", _function(**{_RESERVED: "0"})).status == "UPDATE_COMPLETE"
    assert _reserved(account) == 0
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        account.functions().invoke(FunctionName="tap")
    assert update(account, "app", _function()).status == "UPDATE_COMPLETE"
    assert _reserved(account) is None
    assert account.functions().invoke(FunctionName="tap")["StatusCode"] == 200


def _zipped() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return 'from S3'\n")
    return written.getvalue()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ({"S3Key": "none.zip"}, "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."),
        ({"S3Key": "code.zip", "S3ObjectVersion": "none"}, "S3 Error Code: NoSuchKey"),
        ({"S3Bucket": "nobodys-bucket-of-code", "S3Key": "code.zip"}, "S3 Error Code: NoSuchBucket"),
    ],
    ids=["key", "version", "bucket"],
)
def test_code_that_is_not_there_fails_the_function(account: Account, code: dict[str, str], reason: str) -> None:
    bucket = f"code-{account.id}"
    account.s3().create_bucket(Bucket=bucket)
    account.s3().put_object(Bucket=bucket, Key="code.zip", Body=_zipped())
    outcome = deploy(account, "app", _function(Code={"S3Bucket": bucket, **code}))
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert reason in outcome.reason
    assert account.functions().list_functions()["Functions"] == []
    destroy(account, "app")
    assert deploy(account, "app", _function(Code={"S3Bucket": bucket, "S3Key": "code.zip"})).status == "CREATE_COMPLETE"
    assert account.functions().invoke(FunctionName="tap")["Payload"].read() == b'"from S3"'
    failed = update(account, "app", _function(Code={"S3Bucket": bucket, **code}))
    assert (failed.status, reason in failed.reason) == ("UPDATE_ROLLBACK_COMPLETE", True)
    assert account.functions().invoke(FunctionName="tap")["Payload"].read() == b'"from S3"'


def test_code_in_a_bucket_of_another_region_fails_the_function(account: Account) -> None:
    bucket = f"code-far-{account.id}"
    account.s3(SECONDARY).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    account.s3(SECONDARY).put_object(Bucket=bucket, Key="code.zip", Body=_zipped())
    for key in ("code.zip", "none.zip"):
        outcome = deploy(account, f"app-{key[:4]}", _function(Code={"S3Bucket": bucket, "S3Key": key}))
        assert (outcome.status, "S3 Error Code: PermanentRedirect" in outcome.reason) == ("ROLLBACK_COMPLETE", True)


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
@pytest.mark.parametrize("name", ["url", "url-shortener-dev-primary", "urls", "tap-url"])
def test_a_function_can_have_url_in_its_name(account: Account, name: str, region: str) -> None:
    assert deploy(account, "service", function(name), region=region).status == "CREATE_COMPLETE"
    client = account.functions(region)
    assert client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == name
    assert client.get_function_configuration(FunctionName=name)["FunctionName"] == name
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert client.get_function_url_config(FunctionName=name)["FunctionUrl"] == made["FunctionUrl"]
    assert len(client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]) == 1
    client.delete_function(FunctionName=name)
    assert client.list_functions()["Functions"] == []
