"""Requests to a function URL, as curl would send them; on the embedded AWS through its endpoint."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from builder import client
from builder.aws import Clients, call
from builder.client.wire import Wire
from builder.errors import AwsError, Failed
from builder.rehearsal.stage import Line, Tell
from builder.terms import Region

# The first request of all waits for the function's process to start.
_REQUEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls function URLs of one embedded AWS; signs where the URLs want it."""

    endpoint: str
    account: str
    signs: bool

    def call(self, method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body. Raises Failed for an answer that is not JSON, or for none."""
        parts = urlsplit(url)
        region = client.RegionUrl(parts.netloc.split(".")[2], f"{parts.scheme}://{parts.netloc}")
        data = b"" if body is None else json.dumps(body).encode()
        request = client.Request(method, parts.path, {"content-type": "application/json"}, data)
        with Wire(Credentials(self.account, "rehearsal") if self.signs else None, self.endpoint) as wire:
            answer = wire.send(region, request, limit_s=_REQUEST_S)
        if isinstance(answer, client.Trouble):
            raise Failed(where=url, what=f"no JSON answer to {method}: {answer.value}")
        try:
            return answer.status, json.loads(answer.body)
        except ValueError as error:
            raise Failed(where=url, what=f"no JSON answer to {method}: {error}") from error


T = TypeVar("T")
_PATIENCE_S = 20.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class RegionOutputs:
    """One region of the deployment, as its outputs name it."""

    region: Region
    url: str
    bucket: str


async def exercise(places: Sequence[RegionOutputs], visitor: Visitor, clients: Clients, tell: Tell) -> None:
    """Write in each region and read in every other one, over HTTP; find copies of an object of the first one's bucket.

    Raises Failed where a write does not arrive.
    """
    for place in places:
        seen = await _ask(visitor, "GET", place.url, 200)
        tell(Line(f"GET / in {place.region} -> 200, role {seen['role']}, table {seen['table']}"))
    for here in places:
        await _cross(visitor, here, [there for there in places if there != here], tell)
    await _copy(clients, places[0], places[1:], tell)


async def _cross(visitor: Visitor, here: RegionOutputs, others: Iterable[RegionOutputs], tell: Tell) -> None:
    item = {"written_in": here.region, "amount": 12.5}
    path = f"items/from-{here.region}"
    await _ask(visitor, "PUT", here.url + path, 201, item)
    tell(Line(f"PUT /{path} in {here.region}: {json.dumps(item)}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived(there: RegionOutputs) -> dict[str, Any] | None:
        status, found = await loop.run_in_executor(None, partial(visitor.call, "GET", there.url + path))
        return found if status == 200 else None

    for there in others:
        otherwise = f"{path} written in {here.region} does not show in {there.region}"
        found = await _eventually(partial(arrived, there), otherwise)
        if found != item:
            raise Failed(where=there.url + path, what=f"answers {found}, and {item} was written")
        tell(Line(f"GET /{path} in {there.region}: {json.dumps(found)}, {loop.time() - written:.2f} s later"))


async def _copy(clients: Clients, primary: RegionOutputs, secondaries: Iterable[RegionOutputs], tell: Tell) -> None:
    key, metadata = "rehearsal/object.txt", {"written-in": primary.region}
    await call(
        primary.bucket,
        clients.s3(primary.region).put_object,
        Bucket=primary.bucket,
        Key=key,
        Body=b"replicate me",
        Metadata=metadata,
    )
    tell(Line(f"put s3://{primary.bucket}/{key}, metadata {metadata}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived(secondary: RegionOutputs) -> dict[str, str] | None:
        try:
            copy = await call(
                secondary.bucket, clients.s3(secondary.region).head_object, Bucket=secondary.bucket, Key=key
            )
        except AwsError as error:
            if error.code in {"404", "NoSuchKey"}:
                return None
            raise
        return copy["Metadata"]

    for secondary in secondaries:
        found = await _eventually(partial(arrived, secondary), f"{key} does not arrive in {secondary.bucket}")
        if found != metadata:
            raise Failed(where=secondary.bucket, what=f"{key} has metadata {found}, and {metadata} was written")
        tell(Line(f"got s3://{secondary.bucket}/{key}, metadata {found}, {loop.time() - written:.2f} s later"))


async def _ask(visitor: Visitor, method: str, url: str, wanted: int, body: object = None) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    status, found = await loop.run_in_executor(None, partial(visitor.call, method, url, body))
    if status != wanted:
        raise Failed(where=url, what=f"answers {method} with {status} instead of {wanted}: {found}")
    return found


async def _eventually(look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while (found := await look()) is None:  # noqa: ASYNC110 - replication sends no event
                await asyncio.sleep(_LOOK_S)
            return found
    except TimeoutError as error:
        raise Failed(where="replication", what=f"{otherwise} within {_PATIENCE_S:.0f} s") from error
