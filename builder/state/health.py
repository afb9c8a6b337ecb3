"""A function URL as somebody outside sees it: one real GET of `/health`, or of the path that its component names."""

import asyncio
from urllib.parse import urlsplit

from builder import client
from builder.aws import call
from builder.client.wire import Wire
from builder.state.look import Look
from builder.state.records import UrlState

# A function that starts cold takes a second or two.
_PATIENCE_S = 4.0
_LEAST_S = 0.1
_HEALTH = "/health"


async def observe_url(look: Look, url: str, auth: str) -> UrlState:
    """Return what the URL answers, and how soon; signed where it wants that."""
    loop, path = asyncio.get_running_loop(), look.health.get(urlsplit(url).netloc, _HEALTH)
    with Wire(look.clients.credentials() if auth == "AWS_IAM" else None, look.endpoint) as wire:
        started = loop.time()
        limit_s = _PATIENCE_S if look.until is None else max(_LEAST_S, min(_PATIENCE_S, look.until - started))
        answer = await call(
            f"{look.region}: {url}",
            wire.send,
            client.Region(look.region, url),
            client.Request("GET", path, {}, None),
            limit_s=limit_s,
        )
        latency_ms = round((loop.time() - started) * 1000, 1)
    return UrlState(
        url=url,
        path=path,
        auth=auth,
        answer=answer.status if isinstance(answer, client.Answer) else None,
        latency_ms=latency_ms,
        problem=answer.value if isinstance(answer, client.Trouble) else "",
    )
