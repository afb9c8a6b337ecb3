"""Function URLs of a region out of order or slow for a while, and a log of every request to one.

The log is the witness that a client's own account can be held against, so it is kept where requests arrive.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.asgi import App, Message, Receive, Scope, Send, send_json

# Where `function_url_request` puts them.
_PATH = "/_aws/lambda-url/"
_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of requests to the URLs of a region until then: held for `delay_s`, and answered `status`.

    Without a status they reach their function, after the delay: what a client gave up on is carried out all the same.
    """

    status: int | None
    delay_s: float
    until: float


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what it was answered; times in seconds, `time` since the epoch."""

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
    faults: dict[str, Fault] = field(default_factory=dict)
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def find(self, region: str) -> Fault | None:
        """Return the fault in force in the region."""
        fault = self.faults.get(region)
        return fault if fault is not None and fault.until > self.clock() else None

    def forget(self) -> None:
        """End every fault and empty the log."""
        self.faults.clear()
        self.requests.clear()


def read_faults(outages: Outages) -> Mapping[str, Any]:
    """Return the faults in force, as the JSON of `control`."""
    return {
        "function_urls": [
            {"region": region, "status": fault.status, "delay_s": fault.delay_s, "for_s": _remaining(fault, outages)}
            for region in outages.faults
            if (fault := outages.find(region))
        ]
    }


def change_faults(outages: Outages, wanted: Mapping[str, Any]) -> None:
    """Begin the faults named, from now, each instead of its region's last; 0 seconds ends one, null is until then."""
    now = outages.clock()
    outages.faults.update({str(one["region"]): _read_fault(one, now) for one in wanted["function_urls"]})


def _read_fault(wanted: Mapping[str, Any], now: float) -> Fault:
    """Return the fault that is wanted. Raises ValueError for one that would change nothing, and for times below 0."""
    status, for_s, delay_s = wanted.get("status"), wanted.get("for_s"), float(wanted.get("delay_s", 0))
    fault = Fault(
        status=None if status is None else int(status),
        delay_s=delay_s,
        until=math.inf if for_s is None else now + float(for_s),
    )
    if not (0 <= delay_s < math.inf and fault.until >= now):
        raise ValueError("delay_s and for_s are seconds, 0 or more")
    if fault.until > now and fault.status is None and not delay_s:
        raise ValueError("a fault has a status, a delay_s or both")
    return fault


def _remaining(fault: Fault, outages: Outages) -> float | None:
    return None if fault.until == math.inf else fault.until - outages.clock()


def read_requests(outages: Outages) -> Mapping[str, Any]:
    """Return the log, in the order of the answers."""
    return {"requests": [asdict(request) for request in outages.requests]}


def wrap(app: App, outages: Outages) -> App:
    """Return the application, with requests to function URLs logged, and held or answered by the fault in force."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATH):
            await app(scope, receive, send)
            return
        identifier, _, path = scope["path"].removeprefix(_PATH).partition("/")
        region = _find_region(identifier)
        began, status = outages.clock(), 0

        async def watching(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        fault = outages.find(region)
        try:
            if fault is not None and fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            if fault is None or fault.status is None:
                await app(scope, receive, watching)
            else:
                await send_json(watching, fault.status, {"Message": "Service Unavailable"})
        finally:
            took_s = outages.clock() - began
            outages.requests.append(Request(began, region, scope["method"], f"/{path}", status, took_s))

    return watched


def _find_region(identifier: str) -> str:
    found = touch("ministack.services.lambda_svc:resolve_function_url")(identifier)
    return str(found[1]) if found else ""
