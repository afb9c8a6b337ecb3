"""Regions that are lost for a while: every call to one of their services is refused, late, or both.

A call belongs to the region that its signature names, or the host of an API or a function URL. What the region's own
services do between regions stops as well: nothing is replicated to it or out of it, and CloudFormation elsewhere can't
work on a table that has a replica there.

    {"regions": [{"region": "us-east-1", "status": 503, "delay_s": 3600.0, "for_s": null,
                  "services": ["dynamodb"], "imports_too": false}]}

A region with a status is lost, after the delay: a long one is a region that hangs. Without a status it is only late.
Sources: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/regions.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from builder.local.asgi import App, Receive, Scope, Send, send_json

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_HOST = re.compile(r"[a-z0-9-]+\.(lambda-url|execute-api)\.([a-z0-9-]+)\.(?:on\.aws|amazonaws\.com)(?::\d+)?")
_OWN = ("/_builder/", "/_ministack/", "/_localstack/")
_LOOK_S = 0.05
_CODE = "ServiceUnavailable"
FUNCTIONS = "lambda"
"""The service that a function URL is of."""


@dataclass(frozen=True, slots=True)
class RegionFault:
    """A fault of a region until a time; `services` are those that it is a fault of, None for all."""

    status: int | None
    delay_s: float
    until: float
    services: frozenset[str] | None = None
    imports_too: bool = False
    """Whether CloudFormation elsewhere can't even import a table that has a replica there (*unverified* on AWS)."""

    def covers(self, service: str) -> bool:
        """Return whether it is a fault of the service."""
        return self.services is None or service in self.services


@dataclass(slots=True)
class Regions:
    """The faults by region."""

    clock: Callable[[], float] = time.time
    faults: dict[str, RegionFault] = field(default_factory=dict)

    def find(self, region: str, service: str) -> RegionFault | None:
        """Return the fault of a region's service that is in force."""
        fault = self.faults.get(region)
        return fault if fault is not None and fault.until > self.clock() and fault.covers(service) else None

    def is_lost(self, region: str, service: str) -> bool:
        """Return whether the region's service answers nobody."""
        fault = self.find(region, service)
        return fault is not None and fault.status is not None

    async def wait(self, region: str, service: str) -> RegionFault | None:
        """Wait as long as a service is late that is called now, or until its fault ends; return the fault it had."""
        fault, began = self.find(region, service), self.clock()
        while fault is not None and self.clock() < began + fault.delay_s and self.faults.get(region) is fault:
            if self.find(region, service) is None:
                break
            await asyncio.sleep(min(_LOOK_S, fault.delay_s))
        return fault

    def reset(self) -> None:
        """End every fault."""
        self.faults.clear()


def read_faults(regions: Regions) -> list[dict[str, Any]]:
    """Return the faults in force, as the JSON of `control`."""
    now = regions.clock()
    return [
        {
            "region": region,
            "status": fault.status,
            "delay_s": fault.delay_s,
            "for_s": None if fault.until == math.inf else fault.until - now,
            "services": None if fault.services is None else sorted(fault.services),
            "imports_too": fault.imports_too,
        }
        for region, fault in regions.faults.items()
        if fault.until > now
    ]


def make_faults(entries: Iterable[Mapping[str, Any]], now: float) -> dict[str, RegionFault]:
    """Return the faults of a document by region; `for_s` 0 ends the last one, null has no end. Raises ValueError."""
    return {str(entry["region"]): _read_fault(entry, now) for entry in entries}


def _read_fault(entry: Mapping[str, Any], now: float) -> RegionFault:
    """Return the fault of an entry. Raises ValueError for one without effect, and for what cannot be meant."""
    status, for_s, delay_s = entry.get("status"), entry.get("for_s"), float(entry.get("delay_s", 0))
    services, imports_too = entry.get("services"), entry.get("imports_too", False)
    fault = RegionFault(
        status=None if status is None else int(status),
        delay_s=delay_s,
        until=math.inf if for_s is None else now + float(for_s),
        services=None if services is None else frozenset(services),
        imports_too=bool(imports_too),
    )
    if not (0 <= delay_s < math.inf and fault.until >= now):
        raise ValueError("delay_s and for_s are seconds, 0 or more")
    if isinstance(services, str) or fault.services == frozenset():
        raise ValueError("services are a list of their names in signatures, or null for all")
    if fault.until > now and fault.status is None and not delay_s:
        raise ValueError("a fault has a status, a delay_s or both")
    return fault


# -- requests


def wrap(app: App, regions: Regions) -> App:
    """Return the application, in which a lost region answers no call, whatever service it is to.

    Function URLs are left to their own chapter, which writes down every request to one.
    """

    async def lost(scope: Scope, receive: Receive, send: Send) -> None:
        called = find_call(scope) if scope["type"] == "http" and regions.faults else None
        if called is None:
            await app(scope, receive, send)
            return
        fault = await regions.wait(*called)
        if fault is None or fault.status is None:
            await app(scope, receive, send)
        else:
            await _refuse(scope, send, fault.status, called[1])

    return lost


def find_call(scope: Scope) -> tuple[str, str] | None:
    """Return the region and the service that a request is to; None for function URLs and the server's own paths."""
    path: str = scope["path"]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if path.startswith(_OWN):
        return None
    if match := _HOST.fullmatch(headers.get("host", "").lower()):
        return None if match[1] == "lambda-url" else (match[2], match[1])
    query = unquote(scope.get("query_string", b"").decode("latin-1"))
    signed = _SCOPE.search(headers.get("authorization", "")) or _SCOPE.search(
        query.replace("X-Amz-Credential", "Credential")
    )
    return (signed[1], signed[2]) if signed else None


async def _refuse(scope: Scope, send: Send, status: int, service: str) -> None:
    """Answer with an error that the service's client reads, each in the protocol that it speaks."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    message = "Service is unable to handle request."
    if "cbor" in headers.get("smithy-protocol", "") + headers.get("accept", ""):
        # A map with one pair of texts.
        body = b"\xa1\x66__type" + bytes([0x60 + len(_CODE)]) + _CODE.encode()
        await _send(send, status, "application/cbor", body, [(b"smithy-protocol", b"rpc-v2-cbor")])
    elif service == "s3":
        await _send(send, status, "application/xml", _xml(f"<Error>{_error_fields(message)}</Error>"))
    elif "x-www-form-urlencoded" in headers.get("content-type", ""):
        error = f"<ErrorResponse><Error><Type>Receiver</Type>{_error_fields(message)}</Error></ErrorResponse>"
        await _send(send, status, "text/xml", _xml(error))
    else:
        await send_json(send, status, {"__type": _CODE, "message": message}, x_amzn_errortype=_CODE)


def _error_fields(message: str) -> str:
    return f"<Code>{_CODE}</Code><Message>{message}</Message>"


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()


async def _send(send: Send, status: int, kind: str, body: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
