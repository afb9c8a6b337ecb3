"""What only the embedded AWS can be told: function URLs that are slow, and replication that stops in one direction.

AWS has no call for either. Its own paths are found at the endpoint that calls go to, and want its token.
"""

import os
from typing import Any

import urllib3

from builder.aws import Clients, call
from builder.aws.call import to_its_end
from builder.aws.errors import is_here
from builder.drill.target import Function
from builder.errors import AwsError, Stopped

_TOKEN = "BUILDER_LOCAL_TOKEN"  # noqa: S105  a name, not a token
_WITHIN_S = 5.0


async def check_embedded(clients: Clients, function: Function, instead: str) -> None:
    """Raise Stopped unless calls go to an embedded AWS whose own paths answer; `instead` is what AWS can do."""
    endpoint = _endpoint(clients, function)
    if not is_here(endpoint):
        raise Stopped(where=function.where, what=f"only the embedded AWS can make this fault; {instead}")
    await observe_delay(clients, function)


async def observe_delay(clients: Clients, function: Function) -> float | None:
    """Return by how many seconds the region's function URLs are held back; None where no fault is in force there."""
    found = await _ask(clients, function, "faults")
    held = [fault["delay_s"] for fault in found["function_urls"] if fault["region"] == function.region]
    return float(held[0]) if held else None


async def hold_back(clients: Clients, function: Function, delay_s: float) -> None:
    """Hold every request to the region's function URLs back by so much, until told otherwise; 0 ends that."""
    fault = {"region": function.region, "delay_s": delay_s, "for_s": None if delay_s else 0}
    await to_its_end(_ask(clients, function, "faults", {"function_urls": [fault]}))


async def observe_paused(clients: Clients, function: Function) -> list[dict[str, Any]]:
    """Return the directions out of the region in which replication is paused."""
    found = await _ask(clients, function, "replication")
    return [way for way in found["delays"] if way["from"] == function.region and way["paused"]]


async def pause_replication(clients: Clients, function: Function, to: list[str]) -> None:
    """Let nothing out of the region to these any more; what comes in goes on, and delays stay what they are."""
    found = await _ask(clients, function, "replication")
    delays = {(way["service"], way["from"], way["to"]): way["delay_s"] for way in found["delays"]}
    ways = [(service, function.region, region) for service in ("dynamodb", "s3") for region in to]
    await to_its_end(_set(clients, function, {way: delays.get(way, 0.0) for way in ways}, paused=True))


async def let_replicate(clients: Clients, function: Function) -> None:
    """Let out again what is paused."""
    ways = await observe_paused(clients, function)
    delays = {(way["service"], way["from"], way["to"]): way["delay_s"] for way in ways}
    if delays:
        await to_its_end(_set(clients, function, delays, paused=False))


async def _set(
    clients: Clients, function: Function, delays: dict[tuple[str, str, str], float], *, paused: bool
) -> None:
    ways = [
        {"service": service, "from": source, "to": to, "delay_s": delay_s, "paused": paused}
        for (service, source, to), delay_s in delays.items()
    ]
    await _ask(clients, function, "replication", {"delays": ways})


async def _ask(clients: Clients, function: Function, path: str, document: object = None) -> Any:  # noqa: ANN401  JSON
    """Return what the path says, after a change where there is one. Raises AwsError where it does not answer well."""
    url = f"{_endpoint(clients, function)}/_builder/{path}"
    where = f"{function.region}: {url}"
    try:
        answer = await call(
            where,
            urllib3.request,
            "GET" if document is None else "PUT",
            url,
            json=document,
            headers={"Authorization": f"Bearer {os.environ.get(_TOKEN, '')}"},
            timeout=_WITHIN_S,
            retries=urllib3.Retry(2),
        )
    except urllib3.exceptions.HTTPError as error:
        raise AwsError(where=where, code=type(error).__name__, what=f"does not answer: {error}") from error
    if answer.status != 200:
        what = f"answers {answer.status}: {answer.data.decode(errors='replace')[:200]}"
        next_step = f"{_TOKEN} has to be the token that python -m builder local shows" if answer.status == 403 else ""
        raise AwsError(where=where, code=str(answer.status), what=what, next_step=next_step)
    return answer.json()


def _endpoint(clients: Clients, function: Function) -> str:
    return clients.of(function.site).functions(function.region).meta.endpoint_url.rstrip("/")
