"""The use that a rehearsal makes of what it deployed, by what the manifest's components say.

A `Visitor` requests URLs as curl would, on the embedded AWS through its endpoint. Of the built-in function it is known
what it does with the table, so `exercise_function` writes in each region and reads in the others over HTTP; of a
function of somebody's own only the health path is. Tables and buckets are written to by their own APIs.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from botocore.credentials import Credentials

from builder import client
from builder.assembly.components import Bucket, Component, FunctionComponent, OutputOf, Table
from builder.aws import Clients, call, together
from builder.client.wire import Wire
from builder.deploy import Deployment, observe_outputs
from builder.deploy.observe.objects import read_rules
from builder.errors import AwsError, Failed
from builder.rehearsal.stage import Line, Tell
from builder.terms import Region

T = TypeVar("T")
# The first request of all waits for the function's process to start.
_REQUEST_S = 30.0
_PATIENCE_S = 20.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls function URLs of one embedded AWS; signs where the URLs want it."""

    endpoint: str
    account: str
    signs: bool

    def call(self, method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body. Raises Failed for an answer that is not JSON, or for none."""
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.send(method, Region(urlsplit(url).netloc.split(".")[2]), url, data)
        try:
            return answer.status, json.loads(answer.body)
        except ValueError as error:
            raise Failed(where=url, what=f"no JSON answer to {method}: {error}") from error

    def send(self, method: str, region: Region, url: str, data: bytes = b"") -> client.Answer:
        """Return the answer. Raises Failed where there is none."""
        parts = urlsplit(url)
        there = client.RegionUrl(region, f"{parts.scheme}://{parts.netloc}")
        request = client.Request(method, parts.path, {"content-type": "application/json"}, data)
        with Wire(Credentials(self.account, "rehearsal") if self.signs else None, self.endpoint) as wire:
            answer = wire.send(there, request, limit_s=_REQUEST_S)
        if isinstance(answer, client.Trouble):
            raise Failed(where=url, what=f"no answer to {method}: {answer.value}")
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class UseContext:
    """What a deployment is used with, and where a line for each use goes."""

    visitor: Visitor
    clients: Clients
    tell: Tell


async def observe_components(deployment: Deployment, clients: Clients) -> Mapping[OutputOf, str]:
    """Return the value of each output that a component is bound to. Raises Failed for one that is not there."""
    bound = {
        f"{name}: {place}": value.output
        for name, component in deployment.components.items()
        for place, value in component.outputs.items()
    }
    values = await observe_outputs(replace(deployment, outputs=bound), clients)
    return {OutputOf(output): values[name] for name, output in bound.items()}


async def exercise(name: str, component: Component, known: Mapping[OutputOf, str], use: UseContext) -> None:
    """Use one component in every region that it is in. Raises Failed where it does not do what its manifest says."""
    if component.function:
        await _check_health(name, component.function, known, use)
    if component.table:
        table = component.table
        await _cross_items(table, known[table.name] if isinstance(table.name, OutputOf) else table.name, use)
    if component.bucket:
        await copy_objects(name, component.bucket, known, use)


async def exercise_function(urls: Mapping[Region, str], use: UseContext) -> None:
    """Write through the built-in function in each region and read in every other one, over HTTP.

    Raises Failed where a write does not arrive.
    """
    for region, url in urls.items():
        seen = await _ask(use.visitor, "GET", url, 200)
        use.tell(Line(f"GET / in {region} -> 200, role {seen['role']}, table {seen['table']}"))
    for here in urls:
        await _cross(use, here, urls)


async def _cross(use: UseContext, here: Region, urls: Mapping[Region, str]) -> None:
    item = {"written_in": here, "amount": 12.5}
    path = f"items/from-{here}"
    await _ask(use.visitor, "PUT", urls[here] + path, 201, item)
    use.tell(Line(f"PUT /{path} in {here}: {json.dumps(item)}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived(there: Region) -> dict[str, Any] | None:
        status, answer = await loop.run_in_executor(None, partial(use.visitor.call, "GET", urls[there] + path))
        return answer if status == 200 else None

    for there in (region for region in urls if region != here):
        read = await _eventually(partial(arrived, there), f"{path} written in {here} does not show in {there}")
        if read != item:
            raise Failed(where=urls[there] + path, what=f"answers {read}, and {item} was written")
        use.tell(Line(f"GET /{path} in {there}: {json.dumps(read)}, {loop.time() - written:.2f} s later"))


async def _check_health(name: str, function: FunctionComponent, known: Mapping[OutputOf, str], use: UseContext) -> None:
    async def check(region: Region, output: OutputOf) -> None:
        url = known[output].rstrip("/") + function.health
        status = await asyncio.get_running_loop().run_in_executor(None, partial(_status, use.visitor, region, url))
        if not 200 <= status < 300:
            raise Failed(where=url, what=f"the health path of {name} answers {status}")
        use.tell(Line(f"{name}: GET {function.health} in {region} -> {status}"))

    await together(check(region, output) for region, output in function.url.items())


def _status(visitor: Visitor, region: Region, url: str) -> int:
    """Return the status of a GET, signed where it is refused otherwise."""
    status = replace(visitor, signs=False).send("GET", region, url).status
    return replace(visitor, signs=True).send("GET", region, url).status if status == 403 else status


# One value of each type that a key can have, made of a text.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
_KEY_VALUES: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "S": lambda text: {"S": text},
    "N": lambda text: {"N": str(int.from_bytes(text.encode()[-8:]))},
    "B": lambda text: {"B": text.encode()},
}


async def _cross_items(table: Table, name: str, use: UseContext) -> None:
    for here in table.regions:
        await _cross_item(table, name, here, use)


async def _cross_item(table: Table, name: str, here: Region, use: UseContext) -> None:
    """Write an item of the table's own key in a region, read it in the others, and delete it again."""
    clients, where = use.clients, f"{here}: {name}"
    description = (await call(where, clients.dynamodb(here).describe_table, TableName=name))["Table"]
    types = {
        attribute["AttributeName"]: attribute["AttributeType"] for attribute in description["AttributeDefinitions"]
    }
    names = [part["AttributeName"] for part in description["KeySchema"]]
    key = {part: _KEY_VALUES[types[part]](f"rehearsed in {here}") for part in names}
    loop = asyncio.get_running_loop()
    written = loop.time()
    await call(where, clients.dynamodb(here).put_item, TableName=name, Item=key)
    use.tell(Line(f"put an item into {name} in {here}, key {', '.join(names)}"))

    async def seen(there: Region) -> bool:
        get = clients.dynamodb(there).get_item
        return "Item" in await call(f"{there}: {name}", get, TableName=name, Key=key)

    async def arrived(there: Region) -> bool | None:
        return await seen(there) or None

    async def gone(there: Region) -> bool | None:
        return not await seen(there) or None

    others = [region for region in table.regions if region != here]
    for there in others:
        await _eventually(partial(arrived, there), f"the item of {name} written in {here} does not show in {there}")
        use.tell(Line(f"got it in {there}, {loop.time() - written:.2f} s later"))
    await call(where, clients.dynamodb(here).delete_item, TableName=name, Key=key)
    for there in others:
        await _eventually(partial(gone, there), f"the item of {name} deleted in {here} is still in {there}")


async def copy_objects(name: str, bucket: Bucket, known: Mapping[OutputOf, str], use: UseContext) -> None:
    """Put an object for each bucket that is replicated, and find its copies. Raises Failed where none arrives."""
    buckets = {region: known[output] for region, output in bucket.names.items()}
    for source, destination in bucket.replication:
        await _copy(use, source, destination, buckets)
    if not bucket.replication:
        use.tell(Line(f"{name}: {', '.join(buckets.values())} replicate nothing, so no object is put into them"))


async def _copy(use: UseContext, source: Region, destination: Region, buckets: Mapping[Region, str]) -> None:
    here, there, metadata = buckets[source], buckets[destination], {"written-in": source}
    prefix, tags = await _filter(use.clients, source, here, there)
    key = f"{prefix}rehearsal/from-{source}.txt"
    tagging = {"Tagging": urlencode(tags)} if tags else {}
    put = partial(use.clients.s3(source).put_object, Bucket=here, Key=key, Body=b"replicate me", Metadata=metadata)
    await call(here, put, **tagging)
    use.tell(Line(f"put s3://{here}/{key}, metadata {metadata}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived() -> dict[str, str] | None:
        try:
            copy = await call(there, use.clients.s3(destination).head_object, Bucket=there, Key=key)
        except AwsError as error:
            if error.code in {"404", "NoSuchKey"}:
                return None
            raise
        return copy["Metadata"]

    read = await _eventually(arrived, f"{key} does not arrive in {there}")
    if read != metadata:
        raise Failed(where=there, what=f"{key} has metadata {read}, and {metadata} was written")
    use.tell(Line(f"got s3://{there}/{key}, metadata {read}, {loop.time() - written:.2f} s later"))


async def _filter(clients: Clients, region: Region, source: str, destination: str) -> tuple[str, dict[str, str]]:
    """Return what an object's key begins with and which tags it has, for the rule that leads to the destination."""
    for rule in await read_rules(source, clients.s3(region), source):
        if rule["Destination"]["Bucket"].rpartition(":")[2] == destination and rule["Status"] == "Enabled":
            filter_: Mapping[str, Any] = rule.get("Filter", {})
            both: Mapping[str, Any] = filter_.get("And", {})
            tags = [*both.get("Tags", []), *([filter_["Tag"]] if "Tag" in filter_ else [])]
            prefix = both.get("Prefix") or filter_.get("Prefix") or rule.get("Prefix") or ""
            return prefix, {tag["Key"]: tag["Value"] for tag in tags}
    return "", {}


async def _ask(visitor: Visitor, method: str, url: str, expected: int, body: object = None) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    status, answer = await loop.run_in_executor(None, partial(visitor.call, method, url, body))
    if status != expected:
        raise Failed(where=url, what=f"answers {method} with {status} instead of {expected}: {answer}")
    return answer


async def _eventually(observe: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while (seen := await observe()) is None:  # noqa: ASYNC110 - replication sends no event
                await asyncio.sleep(_LOOK_S)
            return seen
    except TimeoutError as error:
        raise Failed(where="replication", what=f"{otherwise} within {_PATIENCE_S:.0f} s") from error
