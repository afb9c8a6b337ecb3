"""Checks that the system is healthy before a fault is made. Each reports everything that is wrong at once."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any

from builder import client
from builder.aws import Clients, call, together
from builder.drill.note import check_alone
from builder.drill.probes import Probes
from builder.drill.records import LogLine, Sighting, Write
from builder.drill.target import Access, Function, Side, Target
from builder.errors import AwsError, Stopped
from builder.terms import Region

WARM_S = 10.0
"""How long a function may take to start. One that nobody has called for a while answers later than a client waits."""
_AGAIN_S = 0.5


async def check_health(target: Target, clients: Clients, access: Access) -> None:
    """Raise Stopped unless every side answers, table and buckets replicate to each, and no drill is under way.

    A region that cannot be read is not healthy either. A URL is asked until it answers, for `WARM_S` at most.
    """
    await check_alone(clients, target.primary.function)
    sources = dict.fromkeys(source for source, _ in target.copies)
    checks = [_bucket(target, target.side(source), clients) for source in sources]
    for side in target.sides:
        checks += [_function(side.function, clients), _url(side, target.health, access)]
        if target.table is not None:
            checks.append(_table(target, target.table, side, clients))
    faults = await together(_fault_or_error(check) for check in checks)
    _refuse(target, [fault for fault in faults if fault])


async def check_probes(target: Target, probes: Probes) -> None:
    """Raise Stopped unless the application answers in every region so that probes can be read there."""
    faults = await together(_fault_or_error(probes.check(side)) for side in target.sides)
    _refuse(
        target,
        [fault for fault in faults if fault],
        "let it answer so, or say drill: {probe: table} in dr.yaml",
    )


def check_load(target: Target, lines: Sequence[LogLine]) -> None:
    """Raise Stopped unless the primary answered the load before the fault, and a write has arrived in each secondary.

    Only the later half of the requests is judged. The earlier ones may have met functions that had to start first, and
    an open circuit of the client after that.
    """
    writes = [line for line in lines if isinstance(line, Write) and line.what == "item"]
    keys = {write.name for write in writes}
    arrived = {line.region for line in lines if isinstance(line, Sighting) and line.key in keys}
    _refuse(target, list(_of_load(target, writes, arrived)))


def _of_load(target: Target, writes: Sequence[Write], arrived: Collection[Region]) -> Iterator[str]:
    judged = sorted(writes, key=lambda write: write.began_s)[len(writes) // 2 :]
    if not writes:
        yield "no request was answered before the fault, so that nothing is known: --before is too short for this rate"
        return
    by_others = [write for write in judged if write.acknowledged_by != target.primary.region]
    if by_others:
        yield f"{len(by_others)} of the last {len(judged)} requests were not answered by the primary, before any fault"
    for side in target.secondaries:
        if side.region not in arrived:
            yield f"nothing that {target.primary.region} acknowledged has arrived in {side.region}"


def _refuse(target: Target, faults: Sequence[str], next_step: str = "python -m builder status") -> None:
    if faults:
        raise Stopped(
            where=f"{target.deployment} is not well",
            what="no fault is made\n  " + "\n  ".join(faults),
            next_step=next_step,
        )


async def _fault_or_error(check: Coroutine[Any, Any, str]) -> str:
    try:
        return await check
    except AwsError as error:
        return str(error)


async def ask_health(side: Side, health: str, access: Access) -> int | None:
    """Send one GET to the health path of a region. Return HTTP's status, or None if no good answer came."""
    try:
        return (await call(side.region, _asker(side, access).request, "GET", health)).status
    except client.Unavailable:
        return None


def _asker(side: Side, access: Access) -> client.FailoverClient:
    credentials = access.credentials if side.signs else None
    region = client.RegionUrl(side.region, side.url)
    return client.FailoverClient((region,), credentials=credentials, endpoint=access.endpoint)


async def _url(side: Side, health: str, access: Access) -> str:
    asker, url = _asker(side, access), side.url.rstrip("/") + health
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WARM_S
    while True:
        try:
            answer = await call(side.region, asker.request, "GET", health)
        except client.Unavailable as error:
            if loop.time() >= until_s:
                return f"{side.region}: {url}: {error}"
            await asyncio.sleep(_AGAIN_S)
        else:
            return "" if answer.status == 200 else f"{side.region}: {url} answers {answer.status}, where 200 is well"


async def _function(function: Function, clients: Clients) -> str:
    functions = clients.of(function.site).functions(function.region)
    answer = await call(function.where, functions.get_function_configuration, FunctionName=function.name)
    reserved = await call(function.where, functions.get_function_concurrency, FunctionName=function.name)
    return fault_of_function(
        function.where, answer.get("State", "Active"), reserved.get("ReservedConcurrentExecutions")
    )


def fault_of_function(where: str, state: str, reserved: int | None) -> str:
    """Return in words what keeps a function from answering, or an empty text."""
    if state != "Active":
        return f"{where} is {state}"
    return f"{where} has a reserved concurrency of 0" if reserved == 0 else ""


async def _table(target: Target, name: str, side: Side, clients: Clients) -> str:
    where = f"{side.region}: {name}"
    dynamodb = clients.of(side.site).dynamodb(side.region)
    table = (await call(where, dynamodb.describe_table, TableName=name))["Table"]
    replicas = {replica["RegionName"]: replica.get("ReplicaStatus") for replica in table.get("Replicas", [])}
    others = [other.region for other in target.sides if other != side]
    return fault_of_table(where, table["TableStatus"], {region: replicas.get(region) for region in others})


def fault_of_table(where: str, status: str, replicas: Mapping[Region, str | None]) -> str:
    """Return in words what keeps a table from replicating to all of these regions, or an empty text."""
    if status not in {"ACTIVE", "UPDATING"}:
        return f"{where} is {status}"
    lacking = [region for region, replica in replicas.items() if replica != "ACTIVE"]
    return f"{where} has no active replica in {', '.join(lacking)}" if lacking else ""


async def _bucket(target: Target, side: Side, clients: Clients) -> str:
    where = f"{side.region}: {side.needed_bucket}"
    s3 = clients.of(side.site).s3(side.region)
    answer = await call(where, s3.get_bucket_replication, Bucket=side.needed_bucket)
    rules = answer["ReplicationConfiguration"]["Rules"]
    into = {rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules if rule["Status"] == "Enabled"}
    destinations = [target.side(to).needed_bucket for source, to in target.copies if source == side.region]
    lacking = [bucket for bucket in destinations if bucket not in into]
    return f"{where} has no enabled rule that replicates to {', '.join(lacking)}" if lacking else ""
