"""Blocking boto3 calls, awaited on the event loop's executor, and botocore's errors in our words.

First `call` and `pages`, and tasks that stand and fall together; then whether what answers is AWS at all; last
`aws_errors`, the one place that knows botocore's errors.
"""

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import botocore.session
from botocore import exceptions
from botocore.parsers import ResponseParser, ResponseParserFactory

from builder.aws.pace import gate_of, is_here
from builder.errors import AwsError, BadInput, BuilderError, gathered

P = ParamSpec("P")
R = TypeVar("R")
_MORE = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
Page = TypeVar("Page", bound=Mapping[str, Any])


async def call(where: str, operation: Callable[P, R], *args: P.args, **arguments: P.kwargs) -> R:
    """Return the operation's answer; a client's method waits for its turn at the client's gate.

    Raises AwsError, naming `where` (region and stack); also when something is taken out of the answer that it lacks.
    """
    work = functools.partial(operation, *args, **arguments)
    with aws_errors(where):
        if gate := gate_of(operation):
            answer = await gate.run(work)
        else:
            answer = await asyncio.get_running_loop().run_in_executor(None, work)
    return cast("R", heeded(where, answer))


async def pages(where: str, operation: Callable[P, Page], *args: P.args, **arguments: P.kwargs) -> AsyncIterator[Page]:
    """Yield the operation's answer page by page, each a call of its own. Raises AwsError, naming `where`.

    For operations that say NextToken for more, or nextToken, and take it under the same name; and for Lambda's, which
    say NextMarker and take Marker.
    """
    more: dict[str, Any] = {}
    while True:
        page = await call(where, operation, *args, **arguments, **more)
        yield page
        following = {name: page[said] for said, name in _MORE.items() if page.get(said)}
        if not following:
            return
        if following == more:
            raise AwsError(where=where, code="PaginationError", what=f"AWS gave the same page twice: {following}")
        more = following


async def together(work: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """Run all of it side by side, each to its own end, and return the results in order.

    Raises every error there was, as one; nothing is cut short because something else failed.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BuilderError)]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, BuilderError):
            raise result
    if errors:
        raise gathered(errors)
    return [result for result in results if not isinstance(result, BaseException)]


T = TypeVar("T")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a TaskGroup whose errors come out as one BuilderError, if all of them are ours."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as several:
        ours, others = several.split(BuilderError)
        if others is not None or ours is None:
            raise
        raise gathered(list(_leaves(ours))) from several


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; where this is cancelled, however often, only once the work has ended.

    A call under way holds its thread and goes on whatever becomes of who waits for it: what undoes it must come after.
    Work that fails is told by its own error, also where this was cancelled.
    """
    task, interrupted = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            interrupted = error
    result = task.result()
    if interrupted is not None:
        raise interrupted
    return result


@asynccontextmanager
async def in_the_end(work: Callable[[], Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Do the work when the block ends, however it does, and to its end. Where both fail, both are told."""
    errors: list[BuilderError] = []
    try:
        yield
    except BuilderError as error:
        errors.append(error)
    finally:
        try:
            await to_its_end(work())
        except BuilderError as error:
            errors.append(error)
        if errors:
            raise gathered(errors)


def _leaves(group: ExceptionGroup[BuilderError]) -> Iterator[BuilderError]:
    for one in group.exceptions:
        if isinstance(one, ExceptionGroup):
            yield from _leaves(one)
        else:
            yield one


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


def _unanswered(where: str, error: exceptions.BotoCoreError) -> AwsError:
    what, next_step = f"AWS does not answer: {error}", ""
    url = str(error.kwargs.get("endpoint_url", ""))
    if isinstance(error, exceptions.EndpointConnectionError) and is_here(url):
        place = urlsplit(url)
        what = f"nothing listens at {place.scheme}://{place.netloc}: is `python -m builder local` running?"
        next_step = "python -m builder local    in another shell; AWS_ENDPOINT_URL says where calls go"
    return AwsError(where=where, code=type(error).__name__, what=what, next_step=next_step, answered=False)
