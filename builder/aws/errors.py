"""botocore's errors in our words; the one place that knows them."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NotConnected

from builder.errors import AwsError, BadInput

_SIGN_IN = "aws sts get-caller-identity    shows whether the credentials work"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"}
    | {"TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException", "SlowDown"}
    | {"BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException"}
)
"""The codes by which AWS's services refuse a call for its rate; botocore's own list, but for LimitExceededException,
which is a quota's too, and TransactionInProgressException, which another's transaction is in the way of.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId"})


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn what botocore raises inside into AwsError or BadInput about `where`, chained to the original."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        code, message = said.get("Code", "Unknown"), said.get("Message", "")
        if code in _EXPIRED:
            raise AwsError(
                where=where, code=code, what=f"AWS does not accept the credentials: {message}", next_step=_SIGN_IN
            ) from error
        what = f"AWS refused {error.operation_name} ({code}): {message}"
        if code in _DENIED:
            what = f"not allowed to call {error.operation_name}: {message}"
        raise AwsError(where=where, code=code, what=what) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BadInput(where=where, what="no AWS credentials were found", next_step=_SIGN_IN) from error
    except ProfileNotFound as error:
        raise BadInput(where=where, what=str(error), next_step="aws configure list-profiles") from error
    except (HTTPClientError, NotConnected) as error:
        raise AwsError(
            where=where, code=type(error).__name__, what=f"AWS does not answer: {error}", answered=False
        ) from error
    except BotoCoreError as error:
        raise AwsError(where=where, code=type(error).__name__, what=str(error)) from error
