import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from builder.aws import aws_errors, denied_operation
from builder.errors import AwsError, BadInput, BuilderError


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as AWS says it"}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (refused("Throttling"), AwsError, "AWS refused CreateChangeSet (Throttling): as AWS says it"),
        (refused("AccessDenied"), AwsError, "not allowed to call CreateChangeSet: as AWS says it"),
        (refused("ExpiredToken"), AwsError, "AWS does not accept the credentials: as AWS says it"),
        (NoCredentialsError(), BadInput, "no AWS credentials were found"),
        (ProfileNotFound(profile="x"), BadInput, "could not be found"),
        (EndpointConnectionError(endpoint_url="https://x"), AwsError, "AWS does not answer"),
        (BotoCoreError(), AwsError, "An unspecified error occurred"),
    ],
)
def test_what_botocore_raises_becomes_ours(raised: Exception, kind: type[BuilderError], text: str) -> None:
    with pytest.raises(kind) as caught, aws_errors("us-east-1/table"):
        raise raised
    assert caught.value.where == "us-east-1/table"
    assert text in caught.value.what
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    ("code", "operation", "is_denied"),
    [
        ("AccessDenied", "GetBucketPolicy", True),
        ("AccessDeniedException", "DescribeTable", True),
        ("AuthorizationError", "ListSubscriptionsByTopic", True),
        ("403", "HeadBucket", True),  # an answer without a body
        ("404", "HeadBucket", False),
        ("403", "GetObject", False),
        ("ValidationError", "DescribeStacks", False),
    ],
)
def test_a_call_that_was_denied_is_known(code: str, operation: str, is_denied: bool) -> None:  # noqa: FBT001
    with pytest.raises(AwsError) as caught, aws_errors("here"):
        raise ClientError({"Error": {"Code": code, "Message": "Forbidden"}}, operation)
    assert denied_operation(caught.value) == (operation if is_denied else "")
    assert (f"not allowed to call {operation}" in caught.value.what) == is_denied


def test_what_is_not_botocore_s_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), aws_errors("here"):
        raise ZeroDivisionError


def test_no_value_of_a_parameter_is_quoted() -> None:
    quoted = (
        "2 validation errors detected: Value 's3cr\n'et' at 'parameters.1.member.parameterValue' failed to satisfy "
    )
    quoted += "constraint: Member must have length less than or equal to 4096; Value 'x y' at 'stackName' failed"
    error = ClientError({"Error": {"Code": "ValidationError", "Message": quoted}}, "CreateChangeSet")
    with pytest.raises(AwsError) as caught, aws_errors("us-east-1/table"):
        raise error
    assert "s3cr" not in caught.value.what
    assert "Value '****' at 'parameters.1.member.parameterValue' failed" in caught.value.what
    assert "Value 'x y' at 'stackName' failed" in caught.value.what
