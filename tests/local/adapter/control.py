"""The embedded AWS's own paths, as a drill uses them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import urllib3

from local.account import PRIMARY, SECONDARY, Account, authorized


def ask(account: Account, path: str, document: Any = None) -> Any:
    """Return what is read there, after writing if there is something to write."""
    url = account.endpoint + path
    method = "GET" if document is None else "PUT"
    answer = urllib3.request(method, url, json=document, headers=authorized())
    assert answer.status == 200, answer.data
    return answer.json()


def set_pace(
    account: Account,
    service: Literal["dynamodb", "s3"],
    *,
    delay_s: float = 0.0,
    paused: bool = False,
    source: str = PRIMARY,
    destination: str = SECONDARY,
) -> None:
    """Set how long a service's writes take from one region to the other, and whether they set out."""
    entry = {"service": service, "from": source, "to": destination, "delay_s": delay_s, "paused": paused}
    ask(account, "/_builder/replication", {"delays": [entry]})


@contextmanager
def paced(
    account: Account, service: Literal["dynamodb", "s3"], *, delay_s: float = 0.0, paused: bool = False
) -> Iterator[None]:
    """Set it both ways, and back at the end: the directions are shared by every account."""
    ways = ((PRIMARY, SECONDARY), (SECONDARY, PRIMARY))
    for source, destination in ways:
        set_pace(account, service, delay_s=delay_s, paused=paused, source=source, destination=destination)
    try:
        yield
    finally:
        for source, destination in ways:
            set_pace(account, service, source=source, destination=destination)


@contextmanager
def lost(account: Account, region: str = PRIMARY, **fault: Any) -> Iterator[None]:
    """Lose a region within the block: for every account, so it is found again at the end."""
    ask(account, "/_builder/faults", {"regions": [{"region": region, "status": 503, "for_s": 60, **fault}]})
    try:
        yield
    finally:
        ask(account, "/_builder/faults", {"regions": [{"region": region, "for_s": 0}]})
