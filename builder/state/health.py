"""A function URL as somebody outside sees it: one real GET /health."""

import asyncio
from urllib.parse import urlsplit

import urllib3

from builder.aws import Clients
from builder.state.records import UrlState
from builder.terms import Region

# A function that starts cold takes a second or two.
_PATIENCE = urllib3.Timeout(total=4.0)


async def observe_url(clients: Clients, region: Region, url: str, auth: str, endpoint: str | None) -> UrlState:
    """Return what the URL answers, and how soon; signed where it wants that.

    `endpoint` is where requests go instead of the URL's own host, which is then told by the Host header.
    """
    target = f"{url.rstrip('/')}/health"
    parts = urlsplit(target)
    headers = clients.sign("GET", target, region) if auth == "AWS_IAM" else {"host": parts.netloc}
    loop = asyncio.get_running_loop()
    started = loop.time()
    status, problem = await loop.run_in_executor(
        None, _get, f"{endpoint.rstrip('/')}{parts.path}" if endpoint else target, headers
    )
    return UrlState(
        url=url, auth=auth, answer=status, latency_ms=round((loop.time() - started) * 1000, 1), problem=problem
    )


def _get(target: str, headers: dict[str, str]) -> tuple[int | None, str]:
    try:
        return urllib3.request("GET", target, headers=headers, timeout=_PATIENCE, retries=False).status, ""
    except urllib3.exceptions.HTTPError as error:
        return None, f"no answer: {error}"
