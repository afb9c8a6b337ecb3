"""Tables and buckets that a system takes in, made before a rehearsal with something in them, and looked at after.

Each is as somebody makes one who thinks of nothing else: a table on demand in one region with its key alone, a bucket
with no word on it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.aws import Clients, call, together
from builder.deploy import Deployment
from builder.deploy.handovers.existing import bind_desired
from builder.errors import Failed
from builder.rehearsal.foreign import make_bucket
from builder.resource_types import BUCKET
from builder.template import as_list, properties_of
from builder.terms import AccountId, Region

_VALUES = {"S": "there before", "N": "1", "B": b"there before"}
_CONTENT = b"there before"
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class ThereBefore:
    """A table or a bucket that is to be taken in."""

    where: str
    """The name by which a plan allows it: `us-east-1/table/Table`."""
    region: Region
    type: str
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.properties["BucketName" if self.type == BUCKET else "TableName"])

    @property
    def key(self) -> dict[str, dict[str, Any]]:
        """The key of the item that is in a table."""
        types = {
            attribute["AttributeName"]: attribute["AttributeType"]
            for attribute in as_list(self.properties["AttributeDefinitions"])
        }
        names = [part["AttributeName"] for part in as_list(self.properties["KeySchema"])]
        return {name: {types[name]: _VALUES[types[name]]} for name in names}


def there_before(deployment: Deployment, account: AccountId) -> tuple[ThereBefore, ...]:
    """Return what the stacks of a deployment take in."""
    return tuple(_taken_in(deployment, account))


def _taken_in(deployment: Deployment, account: AccountId) -> Iterator[ThereBefore]:
    for stack in deployment.stacks:
        bound = bind_desired(stack, stack.account or account)
        for name in stack.existing:
            body = bound.template.resource(name)
            properties = bound.binding.value(properties_of(body))
            yield ThereBefore(f"{stack.id}/{name}", stack.region, str(body.get("Type")), properties)


async def make_there(things: tuple[ThereBefore, ...], clients: Clients) -> tuple[str, ...]:
    """Make each with something in it; return a line for each."""
    await together(_make(thing, clients) for thing in things)
    nouns = {thing.where: "bucket" if thing.type == BUCKET else "table" for thing in things}
    return tuple(f"{thing.region}: {nouns[thing.where]} {thing.name} is there before" for thing in things)


async def _make(thing: ThereBefore, clients: Clients) -> None:
    if thing.type == BUCKET:
        await make_bucket(thing.name, thing.region, clients)
        put = clients.s3(thing.region).put_object
        await call(thing.name, put, Bucket=thing.name, Key="there-before", Body=_CONTENT)
        return
    client, key = clients.dynamodb(thing.region), thing.key
    definitions: Any = [{"AttributeName": name, "AttributeType": next(iter(value))} for name, value in key.items()]
    schema: Any = [{key: part[key] for key in ("AttributeName", "KeyType")} for part in thing.properties["KeySchema"]]
    await call(
        thing.name,
        client.create_table,
        TableName=thing.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=definitions,
        KeySchema=schema,
    )
    while True:
        table = (await call(thing.name, client.describe_table, TableName=thing.name))["Table"]
        if table["TableStatus"] == "ACTIVE":
            break
        await asyncio.sleep(_LOOK_S)
    await call(thing.name, client.put_item, TableName=thing.name, Item=key)


async def check_there(things: tuple[ThereBefore, ...], clients: Clients) -> tuple[str, ...]:
    """Return a line for each that holds what was in it. Raises Failed for one that does not."""
    for thing in things:
        if thing.type == BUCKET:
            answer = await call(thing.name, clients.s3(thing.region).get_object, Bucket=thing.name, Key="there-before")
            is_there = await call(thing.name, answer["Body"].read) == _CONTENT
        else:
            get = clients.dynamodb(thing.region).get_item
            is_there = "Item" in await call(thing.name, get, TableName=thing.name, Key=thing.key)
        if not is_there:
            raise Failed(where=thing.where, what=f"what was in {thing.name} before is not there any more")
    return tuple(f"{thing.name} holds what was in it before" for thing in things)
