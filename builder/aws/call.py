"""One call of AWS: its turn at the client's gate, its answer, and its errors as our own.

First `call` and `pages`, awaited on the event loop's executor, and `together`. Then the check that an answer comes from
AWS at all, and `aws_errors`, the one place that knows botocore's errors; last the gate, through which a service is
called as fast as it answers and no faster.
"""

import asyncio
import functools
import heapq
import itertools
import math
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import botocore.session
from botocore import exceptions
from botocore.parsers import ResponseParser, ResponseParserFactory

from builder.errors import AwsError, BadInput, BuilderError, gathered

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel


P = ParamSpec("P")
R = TypeVar("R")
_MORE = {
    "NextToken": "NextToken",
    "nextToken": "nextToken",
    "NextMarker": "Marker",
    "NextKeyMarker": "KeyMarker",
    "NextVersionIdMarker": "VersionIdMarker",
    "LastEvaluatedKey": "ExclusiveStartKey",
}
Page = TypeVar("Page", bound=Mapping[str, Any])


async def call(where: str, operation: Callable[P, R], *args: P.args, **arguments: P.kwargs) -> R:
    """Return the operation's answer; a client's method waits for its turn at the client's gate.

    Raises AwsError, naming `where` (region and stack); so does reading a key that the answer lacks.
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

    It covers operations that return and take NextToken, or nextToken; Lambda's, which return NextMarker and take
    Marker; S3's lists of versions, with their two markers; and DynamoDB's scans.
    """
    more: dict[str, Any] = {}
    while True:
        page = await call(where, operation, *args, **arguments, **more)
        yield page
        following = {name: page[marker] for marker, name in _MORE.items() if page.get(marker)}
        if not following:
            return
        if following == more:
            raise AwsError(where=where, code="PaginationError", what=f"AWS gave the same page twice: {following}")
        more = following


async def together(work: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """Run all of it concurrently, each to its own end, and return the results in order.

    Raises all errors as one; nothing is cancelled because something else failed.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BuilderError)]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, BuilderError):
            raise result
    if errors:
        raise gathered(errors)
    return [result for result in results if not isinstance(result, BaseException)]


_PAGE = re.compile(
    rb"\s*(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_IDS = {"x-amz-request-id", "x-amzn-requestid", "x-amz-bucket-region"}
_COMPONENT = "response_parser_factory"
NEXT_STEP = "AWS_ENDPOINT_URL, a proxy or a network's sign-in page may lead calls elsewhere than to AWS"


class NotAnAnswer(exceptions.BotoCoreError):
    """The response is no answer of the API that was called."""

    fmt = "what answers is not AWS: it sent {what} (HTTP {status})"


def heed_answers(session: botocore.session.Session) -> None:
    """Make every later client of the session raise NotAnAnswer for a response that is no answer of AWS."""
    known = session.get_component(_COMPONENT)
    if not isinstance(known, _Factory):
        session.register_component(_COMPONENT, _Factory(known))


class _Factory(ResponseParserFactory):
    def __init__(self, inner: ResponseParserFactory) -> None:
        self._inner = inner

    def set_parser_defaults(self, **defaults: Any) -> None:  # noqa: ANN401 - botocore's own
        self._inner.set_parser_defaults(**defaults)

    def create_parser(self, protocol_name: str) -> ResponseParser:
        # botocore only calls a parser's `parse`.
        return cast("ResponseParser", _Parser(self._inner.create_parser(protocol_name), protocol_name))


class _Parser:
    def __init__(self, inner: ResponseParser, protocol: str) -> None:
        self._inner = inner
        self._wants_object = "json" in protocol

    def parse(self, response: dict[str, Any], shape: Any) -> Any:  # noqa: ANN401 - botocore's own
        """Return the data of an answer. Raises NotAnAnswer."""
        status, body = response["status_code"], response["body"]
        # An overloaded load balancer of AWS answers with a web page, which botocore knows and retries.
        if status < 500 and isinstance(body, bytes) and _PAGE.match(body):
            raise NotAnAnswer(what="a web page", status=status)
        # S3's redirections have headers that name S3; botocore would follow all others without end.
        if 300 <= status < 400 and not _IDS & {name.lower() for name in response["headers"]}:
            raise NotAnAnswer(what="a redirection", status=status)
        try:
            parsed = self._inner.parse(response, shape)
        except Exception as error:  # whatever parsing bytes that follow no model raises
            raise NotAnAnswer(what="nothing that its API has", status=status) from error
        if not isinstance(parsed, dict) or (self._wants_object and _is_quoted(parsed, body, status)):
            raise NotAnAnswer(what="nothing that its API has", status=status)
        return parsed


def _is_quoted(parsed: Mapping[str, Any], body: object, status: int) -> bool:
    """Return whether an error's message is its whole body, which is no JSON."""
    if status < 300 or not isinstance(body, bytes) or not body:
        return False
    message = parsed.get("Error", {}).get("Message", "")
    return isinstance(message, str) and message.encode(errors="replace") == body


class AwsAnswer(dict[str, Any]):
    """An answer of AWS: reading a missing key raises AwsError, not KeyError."""

    __slots__ = ("_where",)

    def __init__(self, where: str, answer: Mapping[str, Any]) -> None:
        self._where = where
        super().__init__((name, heeded(where, value)) for name, value in answer.items())

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - it returns nothing
        """Raise AwsError, naming the missing key."""
        what = f"what answers is not AWS: it answered without '{name}'"
        raise AwsError(where=self._where, code="NotAnAnswer", what=what, next_step=NEXT_STEP)


def heeded(where: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer in which every mapping is an AwsAnswer of `where`."""
    match value:
        case dict():
            return AwsAnswer(where, value)
        case list():
            return [heeded(where, item) for item in value]
    return value


_SIGN_IN = "aws sts get-caller-identity    shows whether the credentials work"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
"""The codes by which services deny a call for lack of a right; the last one is SNS's.

Source: https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
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
"""Errors in a profile's file, an option or the environment; no call was made."""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Turn botocore's errors inside the block into AwsError or BadInput about `where`, chained to the original."""
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


_QUOTED = re.compile(r"(?<=\bValue )'.*?'(?= at 'parameters\.)", re.DOTALL)
"""How a service's front end quotes the value of a parameter: `Value 'x' at 'parameters.1.member...' failed`."""


def _refused(where: str, error: exceptions.ClientError) -> AwsError:
    refusal = error.response.get("Error", {})
    # AWS quotes a refused value whole, which may be that of a NoEcho parameter.
    code, message = refusal.get("Code", "Unknown"), _QUOTED.sub("'****'", refusal.get("Message", ""))
    if code in _EXPIRED:
        what = f"AWS does not accept the credentials: {message}"
        return AwsError(where=where, code=code, what=what, next_step=_SIGN_IN)
    what = f"AWS refused {error.operation_name} ({code}): {message}"
    if _is_denied(code, error.operation_name):
        what = f"not allowed to call {error.operation_name}: {message}"
    return AwsError(where=where, code=code, what=what)


def denied_operation(error: AwsError) -> str:
    """Return the operation that AWS denied for lack of a right; empty for any other error.

    An answer to HEAD has no body, so nothing but its status.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    cause = error.__cause__
    if not isinstance(cause, exceptions.ClientError):
        return ""
    operation = str(cause.operation_name)
    return operation if _is_denied(error.code, operation) else ""


def _is_denied(code: str, operation: str) -> bool:
    return code in _DENIED or (code == "403" and operation.startswith("Head"))


def no_credentials(where: str) -> BadInput:
    """Return the error of a call without credentials."""
    return BadInput(where=where, what="no AWS credentials were found", next_step=_SIGN_IN)


def _unanswered(where: str, error: exceptions.BotoCoreError) -> AwsError:
    what, next_step = f"AWS does not answer: {error}", ""
    url = str(error.kwargs.get("endpoint_url", ""))
    if isinstance(error, exceptions.EndpointConnectionError) and is_here(url):
        place = urlsplit(url)
        what = f"nothing listens at {place.scheme}://{place.netloc}: is `python -m builder local` running?"
        next_step = "python -m builder local    in another shell; AWS_ENDPOINT_URL says where calls go"
    return AwsError(where=where, code=type(error).__name__, what=what, next_step=next_step, answered=False)


THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"}
    | {"TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException", "SlowDown"}
    | {"BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException"}
)
"""The codes by which AWS's services refuse a call for its rate: botocore's own list without LimitExceededException,
which quotas cause too, and TransactionInProgressException, which another transaction causes.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""


def is_here(url: str) -> bool:
    """Return whether a URL is of this machine."""
    name = urlsplit(url).hostname or ""
    return name in {"localhost", "::1"} or name.endswith(".localhost") or name.startswith("127.")


AT_ONCE = 16
"""The most calls in flight for one client, so that a slow region does not occupy all threads, which regions share."""
PATIENCE_S = 300.0
"""For how many seconds a call is repeated while it is refused."""


@dataclass(slots=True)
class Rate:
    """The number of calls a second that are answered; pure, all times are the caller's, in seconds."""

    per_second: float = math.inf
    _sent_at: float = -math.inf
    _lowered_at: float = -math.inf
    _answers: deque[float] = field(default_factory=deque)

    LEAST = 0.5
    WINDOW_S = 2.0
    LOWER = 0.8
    RAISE = 0.25
    """What each answer adds: the limit recovers from a refusal after about as many answers as one second has."""

    @property
    def ready_at(self) -> float:
        """When the next call may be sent."""
        return self._sent_at + 1 / self.per_second

    def sent(self, now: float) -> None:
        """Record that a call is sent."""
        self._sent_at = now

    def answered(self, now: float) -> None:
        """Record an answer that is no refusal for the rate: the limit rises."""
        self._answers.append(now)
        self._forget(now)
        if self.per_second < math.inf:
            self.per_second += self.RAISE

    def refused(self, sent_at: float, now: float) -> None:
        """Record that a call was refused for the rate: the limit falls, but once for all calls of the same moment."""
        if sent_at < self._lowered_at:
            return
        known = self.per_second if self.per_second < math.inf else self._measured(now)
        self.per_second = max(self.LEAST, self.LOWER * known)
        self._lowered_at = now

    def _measured(self, now: float) -> float:
        self._forget(now)
        return len(self._answers) / max(1.0, now - self._answers[0]) if self._answers else 0.0

    def _forget(self, now: float) -> None:
        while self._answers and self._answers[0] <= now - self.WINDOW_S:
            self._answers.popleft()


class Gate:
    """The queue of all calls of one client: first come, first served, and a refused call keeps its place.

    It serves one event loop at a time; the rate that it has learnt outlasts the loop.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.rate = Rate()
        self._patience_s = patience_s
        self._in_flight = 0
        self._tickets = itertools.count()
        self._line: list[tuple[int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[], R]) -> R:
        """Return the result of the blocking call, run on the loop's executor when it is its turn.

        Raises what it raises; a refusal for the rate only once the gate's patience has ended.
        """
        loop = asyncio.get_running_loop()
        ticket, refused_since = next(self._tickets), math.inf
        while True:
            await self._turn(ticket)
            sent_at = loop.time()
            try:
                answer = await loop.run_in_executor(None, _at_the_gate, work)
            except exceptions.ClientError as error:
                if not is_throttled(error):
                    self.rate.answered(loop.time())
                    raise
                self.rate.refused(sent_at, loop.time())
                refused_since = min(refused_since, sent_at)
                if loop.time() - refused_since >= self._patience_s:
                    raise
            else:
                self.rate.answered(loop.time())
                return answer
            finally:
                self._leave()

    async def _turn(self, ticket: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (ticket, future))
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # it was admitted, and cancelled before it could run
                self._leave()
            else:
                self._line = [waiting for waiting in self._line if waiting[1] is not future]
                heapq.heapify(self._line)
            raise

    def _leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        """Admit calls in their order while there is room; return once the rate lets the next one through."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line and self._in_flight < AT_ONCE:
            wait_s = self.rate.ready_at - loop.time()
            if wait_s > 1e-6:
                self._timer = loop.call_later(wait_s, self._admit)
                return
            _, future = heapq.heappop(self._line)
            if not future.done():
                self._in_flight += 1
                self.rate.sent(loop.time())
                future.set_result(None)


_gates: WeakKeyDictionary[object, Gate] = WeakKeyDictionary()
_is_at_a_gate: ContextVar[bool] = ContextVar("is_at_a_gate", default=False)


def _at_the_gate(work: Callable[[], R]) -> R:
    """Do the work in a context in which a refusal returns to the gate; botocore retries any other call."""
    before = _is_at_a_gate.set(True)
    try:
        return work()
    finally:
        _is_at_a_gate.reset(before)


def put_gate(client: "BaseClient", patience_s: float = PATIENCE_S) -> None:
    """Send all calls of a client that `call` makes through one gate; a refused one returns to it."""
    _gates[client] = Gate(patience_s)
    client.meta.events.register_first("needs-retry", _give_back)
    client.meta.events.register_first("needs-retry", _give_up_on_nobody)


def gate_of(operation: object) -> Gate | None:
    """Return the gate of the client whose method it is; None if it has none."""
    client = getattr(operation, "__self__", None)
    try:
        return _gates.get(client) if client is not None else None
    except TypeError:  # the object is no client, and has no weak references
        return None


def is_throttled(error: exceptions.ClientError) -> bool:
    """Return whether AWS refused the call only for its rate, and so did nothing."""
    return error.response.get("Error", {}).get("Code") in THROTTLED


def _give_back(*, response: tuple[object, Any] | None, operation: "OperationModel", **_: object) -> None:
    """Raise the refusal at once, before botocore sleeps on it; botocore calls this before its own retry decision."""
    if _is_at_a_gate.get() and response is not None and response[1].get("Error", {}).get("Code") in THROTTLED:
        raise exceptions.ClientError(response[1], operation.name)


def _give_up_on_nobody(*, caught_exception: Exception | None, **_: object) -> None:
    """Raise at once where nothing listens on this machine, before botocore repeats the call for a minute."""
    if isinstance(caught_exception, exceptions.EndpointConnectionError) and is_here(
        caught_exception.kwargs["endpoint_url"]
    ):
        raise caught_exception
