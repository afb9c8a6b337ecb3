"""botocore's errors in our words, and whether what answers is AWS at all; the one place that knows them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import botocore.session
from botocore import exceptions
from botocore.parsers import ResponseParser, ResponseParserFactory

from builder.errors import AwsError, BadInput

_PAGE = re.compile(
    rb"\s*(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_IDS = {"x-amz-request-id", "x-amzn-requestid", "x-amz-bucket-region"}
_COMPONENT = "response_parser_factory"
NEXT_STEP = "AWS_ENDPOINT_URL, a proxy or a network's sign-in page may lead calls elsewhere than to AWS"


class NotAnAnswer(exceptions.BotoCoreError):
    """What came back is no answer of the API that was called."""

    fmt = "what answers is not AWS: it sent {what} (HTTP {status})"


def heed_answers(session: botocore.session.Session) -> None:
    """Have every client that the session makes from now on raise NotAnAnswer for what is no answer of AWS."""
    known = session.get_component(_COMPONENT)
    if not isinstance(known, _Factory):
        session.register_component(_COMPONENT, _Factory(known))


class _Factory(ResponseParserFactory):
    def __init__(self, inner: ResponseParserFactory) -> None:
        self._inner = inner

    def set_parser_defaults(self, **defaults: Any) -> None:  # noqa: ANN401 - botocore's own
        self._inner.set_parser_defaults(**defaults)

    def create_parser(self, protocol_name: str) -> ResponseParser:
        # Of a parser botocore asks for nothing but `parse`.
        return cast("ResponseParser", _Parser(self._inner.create_parser(protocol_name), protocol_name))


class _Parser:
    def __init__(self, inner: ResponseParser, protocol: str) -> None:
        self._inner = inner
        self._wants_object = "json" in protocol

    def parse(self, response: dict[str, Any], shape: Any) -> Any:  # noqa: ANN401 - botocore's own
        """Return the data of an answer. Raises NotAnAnswer."""
        status, body = response["status_code"], response["body"]
        # A load balancer of AWS's own says with a page that it is overloaded, which botocore knows and retries.
        if status < 500 and isinstance(body, bytes) and _PAGE.match(body):
            raise NotAnAnswer(what="a web page", status=status)
        # S3 redirects, and says that it is S3; after anybody else's redirections botocore would go round and round.
        if 300 <= status < 400 and not _IDS & {name.lower() for name in response["headers"]}:
            raise NotAnAnswer(what="a redirection", status=status)
        try:
            parsed = self._inner.parse(response, shape)
        except Exception as error:  # whatever the reading of bytes that follow no model runs into
            raise NotAnAnswer(what="nothing that its API has", status=status) from error
        if not isinstance(parsed, dict) or (self._wants_object and _is_quoted(parsed, body, status)):
            raise NotAnAnswer(what="nothing that its API has", status=status)
        return parsed


def _is_quoted(parsed: Mapping[str, Any], body: object, status: int) -> bool:
    """Return whether a body that is no JSON stands as the message of an error, whole."""
    if status < 300 or not isinstance(body, bytes) or not body:
        return False
    message = parsed.get("Error", {}).get("Message", "")
    return isinstance(message, str) and message.encode(errors="replace") == body


class AwsAnswer(dict[str, Any]):
    """An answer of AWS: to take out of it what it does not have is AWS's fault, and told as that."""

    __slots__ = ("_where",)

    def __init__(self, where: str, said: Mapping[str, Any]) -> None:
        self._where = where
        super().__init__((name, heeded(where, value)) for name, value in said.items())

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - it returns nothing
        """Raise AwsError, naming what is missing."""
        raise AwsError(
            where=self._where, code="NotAnAnswer", what=f"AWS answered without '{name}'", next_step=NEXT_STEP
        )


def heeded(where: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer with every mapping in it an Answer of `where`."""
    match value:
        case dict():
            return AwsAnswer(where, value)
        case list():
            return [heeded(where, one) for one in value]
    return value


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
_NOT_SIGNED_IN = (
    exceptions.NoAuthTokenError,
    exceptions.TokenRetrievalError,
    exceptions.CredentialRetrievalError,
    exceptions.SSOError,
    exceptions.LoginError,
)
_MISCONFIGURED = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidConfigError,
    exceptions.InvalidDefaultsMode,
    exceptions.InvalidEndpointConfigurationError,
    exceptions.InvalidIMDSEndpointError,
    exceptions.InvalidIMDSEndpointModeError,
    exceptions.InvalidProxiesConfigError,
    exceptions.InvalidRegionError,
    exceptions.InvalidRetryConfigurationError,
    exceptions.InvalidSTSRegionalEndpointsConfigError,
    exceptions.NoRegionError,
    exceptions.UnknownCredentialError,
)
"""What a profile's file, an option or the environment says wrongly; no call was made."""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn what botocore raises inside into AwsError or BadInput about `where`, chained to the original."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(where, error) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise no_credentials(where) from error
    except _NOT_SIGNED_IN as error:
        raise BadInput(where=where, what=f"no AWS credentials could be had: {error}", next_step=_SIGN_IN) from error
    except exceptions.ProfileNotFound as error:
        raise BadInput(where=where, what=str(error), next_step="aws configure list-profiles") from error
    except _MISCONFIGURED as error:
        raise BadInput(where=where, what=str(error), next_step="aws configure list    shows what is set") from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise _unanswered(where, error) from error
    except NotAnAnswer as error:
        raise AwsError(where=where, code=type(error).__name__, what=str(error), next_step=NEXT_STEP) from error
    except exceptions.BotoCoreError as error:
        raise AwsError(where=where, code=type(error).__name__, what=str(error)) from error


def _refused(where: str, error: exceptions.ClientError) -> AwsError:
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


def _unanswered(where: str, error: exceptions.BotoCoreError) -> AwsError:
    what, next_step = f"AWS does not answer: {error}", ""
    url = str(error.kwargs.get("endpoint_url", ""))
    if isinstance(error, exceptions.EndpointConnectionError) and is_here(url):
        place = urlsplit(url)
        what = f"nothing listens at {place.scheme}://{place.netloc}: is `python -m builder local` running?"
        next_step = "python -m builder local    in another shell; AWS_ENDPOINT_URL says where calls go"
    return AwsError(where=where, code=type(error).__name__, what=what, next_step=next_step, answered=False)
