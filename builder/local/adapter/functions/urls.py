"""A request to a function URL, or to an API: it reaches the function and nothing else.

A function URL does if the function's policy allows everyone.

The emulator answers some paths (`/health`, `/_ministack/…`) itself on every host, hands over a path that is decoded,
and writes the query string anew; AWS answers nothing itself and keeps both as they are. A URL with AuthType NONE
answers 403 unless the function's policy allows everyone: since October 2025 that takes two statements, one an action.
The emulator runs the function without either. The URLs of a region can be out of order or slow for a while, and every
request to one is logged: the log is the witness that a client's own account can be held against, so it is kept where
requests arrive.
Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html,
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

import asyncio
import json
import math
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any

from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.functions.metrics import record_invocation, record_request
from builder.local.adapter.regions import FUNCTIONS, RegionFault, Regions
from builder.local.asgi import App, Message, Receive, Scope, Send, send_json

Statement = Mapping[str, Any]
HttpReply = tuple[int, Mapping[str, str], bytes]

_LAMBDA = "ministack.services.lambda_svc"
_HOST = re.compile(r"([a-z0-9-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws(?::\d+)?")
_API_HOST = re.compile(r"([a-f0-9]{8})\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::\d+)?")
# The emulator's other addresses of a function URL and of an API, before which it has no path of its own.
_PATH = "/_aws/lambda-url/"
_API_PATH = "/_aws/execute-api/"
_KEPT_REQUESTS = 200_000
_FORBIDDEN: HttpReply = (
    403,
    {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"},
    json.dumps(
        {
            "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
            "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
        }
    ).encode(),
)
_TOO_MANY = 429
_REQUEST = {"lambda:FunctionUrlAuthType": "NONE", "lambda:InvokedViaFunctionUrl": "true"}
_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
_query: ContextVar[str | None] = ContextVar("query", default=None)
"""The query string of the request, as it came."""


def install() -> None:
    """Check the policy before every request to a function URL, and keep the query string in its event."""
    replace(f"{_LAMBDA}:_build_function_url_event", _make_build)
    replace(f"{_LAMBDA}:handle_function_url_request", _make_handler)


# -- which function


def address(app: App) -> App:
    """Return `app`, in which only the function can answer a request to its URL, or to an API by AWS's name of it."""

    async def addressing(scope: Scope, receive: Receive, send: Send) -> None:
        path = _find_path(scope) if scope["type"] == "http" else None
        if path is None:
            _query.set(None)
        else:
            _query.set(scope["query_string"].decode("latin-1"))
            # Without the host, which the emulator prefers; the event has the URL's own.
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
            scope = {**scope, "path": path, "headers": headers}
        await app(scope, receive, send)

    return addressing


def _find_path(scope: Scope) -> str | None:
    """Return the undecoded path of a request to a function URL or to an API, or None for another request."""
    raw: str = scope["raw_path"].decode("latin-1")
    for name, value in scope["headers"]:
        host = value.decode("latin-1").lower() if name.lower() == b"host" else ""
        for form, path in ((_HOST, _PATH), (_API_HOST, _API_PATH)):
            if match := form.fullmatch(host):
                return f"{path}{match[1]}{raw}"
    return raw if raw.startswith(_PATH) else None


def _make_build(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build_event(*args: object, **kwargs: object) -> dict[str, Any]:
        event = build(*args, **kwargs)
        if (query := _query.get()) is not None:
            event["rawQueryString"] = query
        return event

    return build_event


# -- faults and the log


@dataclass(frozen=True, slots=True)
class UrlFault:
    """A fault of all function URLs of a region until a time: requests wait `delay_s`, and are answered `status`.

    Without a status they reach their function, after the delay: what a client gave up on is carried out all the same.
    """

    status: int | None
    delay_s: float
    until: float


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """A request and the status of its answer; times in seconds, `time` since the epoch."""

    time: float
    region: str
    method: str
    path: str
    status: int
    duration_s: float


@dataclass(slots=True)
class Outages:
    """The faults in force by region, and the last requests."""

    clock: Callable[[], float] = time.time
    faults: dict[str, UrlFault] = field(default_factory=dict)
    requests: deque[UrlRequest] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))

    def find(self, region: str) -> UrlFault | None:
        """Return the fault in force in the region."""
        fault = self.faults.get(region)
        return fault if fault is not None and fault.until > self.clock() else None

    def reset(self) -> None:
        """End every fault and empty the log."""
        self.faults.clear()
        self.requests.clear()


def read_faults(outages: Outages) -> list[dict[str, Any]]:
    """Return the faults in force, as the JSON of `control`."""
    return [
        {"region": region, "status": fault.status, "delay_s": fault.delay_s, "for_s": _remaining(fault, outages)}
        for region in outages.faults
        if (fault := outages.find(region))
    ]


def make_faults(entries: Iterable[Mapping[str, Any]], now: float) -> dict[str, UrlFault]:
    """Return the faults of a document by region; `for_s` 0 ends the last one, null has no end. Raises ValueError."""
    return {str(entry["region"]): _read_fault(entry, now) for entry in entries}


def _read_fault(entry: Mapping[str, Any], now: float) -> UrlFault:
    """Return the fault of an entry. Raises ValueError for one without effect, and for times below 0."""
    status, for_s, delay_s = entry.get("status"), entry.get("for_s"), float(entry.get("delay_s", 0))
    fault = UrlFault(
        status=None if status is None else int(status),
        delay_s=delay_s,
        until=math.inf if for_s is None else now + float(for_s),
    )
    if not (0 <= delay_s < math.inf and fault.until >= now):
        raise ValueError("delay_s and for_s are seconds, 0 or more")
    if fault.until > now and fault.status is None and not delay_s:
        raise ValueError("a fault has a status, a delay_s or both")
    return fault


def _remaining(fault: UrlFault, outages: Outages) -> float | None:
    return None if fault.until == math.inf else fault.until - outages.clock()


def read_requests(outages: Outages) -> Mapping[str, Any]:
    """Return the log, in the order of the answers."""
    return {"requests": [asdict(request) for request in outages.requests]}


def watch(app: App, outages: Outages, regions: Regions) -> App:
    """Return the application, which logs requests to function URLs, and delays or answers them by a fault in force.

    A fault of the URLs of a region comes before one of the region itself.
    """

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATH):
            await app(scope, receive, send)
            return
        identifier, _, path = scope["path"].removeprefix(_PATH).partition("/")
        url = touch(f"{_LAMBDA}:resolve_function_url")(identifier)
        region = str(url[1]) if url else ""
        began, status = outages.clock(), 0

        async def watching(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        fault: UrlFault | RegionFault | None = outages.find(region)
        try:
            if fault is not None and fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault is None or fault.status is None:
                fault = await regions.wait(region, FUNCTIONS)
            if fault is None or fault.status is None:
                await app(scope, receive, watching)
            else:
                await send_json(watching, fault.status, {"Message": "Service Unavailable"})
        finally:
            duration_s = outages.clock() - began
            outages.requests.append(UrlRequest(began, region, scope["method"], f"/{path}", status, duration_s))
            if url and status:
                record_request(url[:3], status, duration_s)

    return watched


# -- who may invoke


def _make_handler(handle: Callable[..., Awaitable[HttpReply]]) -> Callable[..., Awaitable[HttpReply]]:
    async def handle_if_allowed(url_id: str, method: str, *args: object, **kwargs: object) -> HttpReply:
        url = touch(f"{_LAMBDA}:resolve_function_url")(url_id)
        # A preflight carries no credentials: the URL's CORS settings answer it, before any authorization.
        is_preflight = url and method == "OPTIONS" and url[-1].get("Cors")
        if url and not is_preflight and not _is_open(*url):
            return _FORBIDDEN
        began = time.monotonic()
        answer = await handle(url_id, method, *args, **kwargs)
        if url and not is_preflight:
            record_invocation(url[:3], answer[0], time.monotonic() - began)
        return _with_error_type(answer)

    return handle_if_allowed


def _is_open(account: str, region: str, name: str, qualifier: str | None, config: Mapping[str, Any]) -> bool:
    """Return whether an unsigned request is allowed; with another AuthType the emulator decides."""
    if config.get("AuthType") != "NONE":
        return True
    function = touch(f"{_LAMBDA}:_functions").get_scoped(account, region, name)
    if function is None:
        return True
    arn = function["config"]["FunctionArn"] + (f":{qualifier}" if qualifier else "")
    return allows_everyone(statement for statement in function["policy"]["Statement"] if statement["Resource"] == arn)


def allows_everyone(statements: Iterable[Statement]) -> bool:
    """Return whether a function's policy allows an unsigned caller both actions, through a URL with AuthType NONE."""
    allowed = {statement["Action"] for statement in statements if _applies(statement)}
    return allowed.issuperset(_ACTIONS)


def _applies(statement: Statement) -> bool:
    if statement["Effect"] != "Allow" or statement["Principal"] != "*":
        return False
    conditions = statement.get("Condition", {})
    # Any other condition asks for something that an unsigned request does not have: a source, an organization.
    return all(
        operator in ("StringEquals", "Bool") and _REQUEST.get(key) == value
        for operator, tests in conditions.items()
        for key, value in tests.items()
    )


def _with_error_type(answer: HttpReply) -> HttpReply:
    """Return an answer; one to a throttled request gets its error's name in a header, as in Lambda's API.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (that URLs do the same is unverified)
    """
    status, headers, body = answer
    if status != _TOO_MANY or b'"TooManyRequestsException"' not in body:
        return answer
    return status, {**headers, "x-amzn-ErrorType": "TooManyRequestsException"}, body
