"""botocore's errors in our words; the one place that knows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidConfigError,
    InvalidDefaultsMode,
    InvalidEndpointConfigurationError,
    InvalidIMDSEndpointError,
    InvalidIMDSEndpointModeError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    InvalidSTSRegionalEndpointsConfigError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownCredentialError,
)
from botocore.exceptions import ConnectionError as NotConnected

from builder.aws.answers import NEXT_STEP, NotAnAnswer
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
_NOT_SIGNED_IN = (NoAuthTokenError, TokenRetrievalError, CredentialRetrievalError, SSOError, LoginError)
_MISCONFIGURED = (
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    InvalidDefaultsMode,
    InvalidEndpointConfigurationError,
    InvalidIMDSEndpointError,
    InvalidIMDSEndpointModeError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    InvalidSTSRegionalEndpointsConfigError,
    NoRegionError,
    UnknownCredentialError,
)
"""What a profile's file, an option or the environment says wrongly; no call was made."""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn what botocore raises inside into AwsError or BadInput about `where`, chained to the original."""
    try:
        yield
    except ClientError as error:
        raise _refused(where, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise no_credentials(where) from error
    except _NOT_SIGNED_IN as error:
        raise BadInput(where=where, what=f"no AWS credentials could be had: {error}", next_step=_SIGN_IN) from error
    except ProfileNotFound as error:
        raise BadInput(where=where, what=str(error), next_step="aws configure list-profiles") from error
    except _MISCONFIGURED as error:
        raise BadInput(where=where, what=str(error), next_step="aws configure list    shows what is set") from error
    except (HTTPClientError, NotConnected) as error:
        raise _unanswered(where, error) from error
    except NotAnAnswer as error:
        raise AwsError(where=where, code=type(error).__name__, what=str(error), next_step=NEXT_STEP) from error
    except BotoCoreError as error:
        raise AwsError(where=where, code=type(error).__name__, what=str(error)) from error


def _refused(where: str, error: ClientError) -> AwsError:
    said = error.response.get("Error", {})
    code, message = said.get("Code", "Unknown"), said.get("Message", "")
    if code in _EXPIRED:
        what = f"AWS does not accept the credentials: {message}"
        return AwsError(where=where, code=code, what=what, next_step=_SIGN_IN)
    what = f"AWS refused {error.operation_name} ({code}): {message}"
    if code in _DENIED:
        what = f"not allowed to call {error.operation_name}: {message}"
    return AwsError(where=where, code=code, what=what)


def no_credentials(where: str) -> BadInput:
    """Return the error for who has none."""
    return BadInput(where=where, what="no AWS credentials were found", next_step=_SIGN_IN)


def is_here(url: str) -> bool:
    """Return whether a URL leads to this machine alone."""
    name = urlsplit(url).hostname or ""
    return name in {"localhost", "::1"} or name.endswith(".localhost") or name.startswith("127.")


def _unanswered(where: str, error: BotoCoreError) -> AwsError:
    what, next_step = f"AWS does not answer: {error}", ""
    url = str(error.kwargs.get("endpoint_url", ""))
    if isinstance(error, EndpointConnectionError) and is_here(url):
        place = urlsplit(url)
        what = f"nothing listens at {place.scheme}://{place.netloc}: is `python -m builder local` running?"
        next_step = "python -m builder local    in another shell; AWS_ENDPOINT_URL says where calls go"
    return AwsError(where=where, code=type(error).__name__, what=what, next_step=next_step, answered=False)
