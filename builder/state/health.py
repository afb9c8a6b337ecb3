"""A function URL as somebody outside sees it: one real GET /health."""

import asyncio

from urllib3 import PoolManager

from builder.aws import Clients, call
from builder.client import Answer, Trouble
from builder.client import Region as Asked
from builder.client.wire import Request, Wire
from builder.state.records import UrlState
from builder.terms import Region

# A function that starts cold takes a second or two.
_PATIENCE_S = 4.0


async def observe_url(clients: Clients, region: Region, url: str, auth: str, endpoint: str | None) -> UrlState:
    """Return what the URL answers, and how soon; signed where it wants that.

    `endpoint` is where requests go instead of the URL's own host, which is then told by the Host header.
    """
    loop = asyncio.get_running_loop()
    with PoolManager() as pool:
        wire = Wire(pool, clients.credentials() if auth == "AWS_IAM" else None, endpoint)
        started = loop.time()
        answer = await call(
            f"{region}: {url}",
            wire.send,
            Asked(region, url),
            Request("GET", "/health", {}, None),
            limit_s=_PATIENCE_S,
        )
        latency_ms = round((loop.time() - started) * 1000, 1)
    return UrlState(
        url=url,
        auth=auth,
        answer=answer.status if isinstance(answer, Answer) else None,
        latency_ms=latency_ms,
        problem=answer.value if isinstance(answer, Trouble) else "",
    )
