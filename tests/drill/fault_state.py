"""What faults change: its state, property by property, and the context in which one is made without any load."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from builder.drill.context import DrillRun, opened
from builder.drill.faults import Fault, FaultContext, MakeFault
from builder.drill.load import RegionWatch, WriteObserver
from builder.drill.tasks import in_the_end
from drill.conftest import Theatre
from local.account import PRIMARY
from local.adapter.control import ask

_OF_EVERY_UPDATE = ("LastModified", "RevisionId")
"""What an update of a function changes whatever it is of: AWS gives them, and nobody can put them back."""


def state(theatre: Theatre, *, ignoring: tuple[str, ...] = _OF_EVERY_UPDATE) -> dict[str, Any]:
    """The primary's function, its role, the buckets' rules, and what the embedded AWS holds back or pauses."""
    observed = theatre.function_state()
    configuration = observed["Configuration"]
    # A reason for nothing is an empty text, or not there.
    empty = [name for name, value in configuration.items() if "Reason" in name and not value]
    for name in (*ignoring, *empty):
        configuration.pop(name, None)
    observed["role"] = role_state(theatre)
    for side in theatre.target.sides:
        observed[f"bucket {side.region}"] = _replication(theatre, side.region, side.bucket)
    observed["held back"] = ask(theatre.account, "/_builder/faults")
    observed["paused"] = [way for way in ask(theatre.account, "/_builder/replication")["delays"] if way["paused"]]
    listed = boto3.client("fis", **theatre.account._access(PRIMARY)).list_experiments()["experiments"]
    observed["experiments"] = [experiment["id"] for experiment in listed if experiment["state"]["status"] == "running"]
    return observed


def role_name(theatre: Theatre) -> str:
    functions = theatre.account.functions(PRIMARY)
    role = functions.get_function_configuration(FunctionName=theatre.target.primary.function.name)["Role"]
    return role.rpartition("/")[2]


def iam(theatre: Theatre) -> Any:
    return boto3.client("iam", **theatre.account._access(PRIMARY))


def role_state(theatre: Theatre) -> dict[str, Any]:
    client, name = iam(theatre), role_name(theatre)
    role = client.get_role(RoleName=name)["Role"]
    # When it was last used is no setting of it.
    role.pop("RoleLastUsed", None)
    return {
        "role": role,
        "attached": client.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
        "inline": {
            policy: client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in client.list_role_policies(RoleName=name)["PolicyNames"]
        },
    }


def _replication(theatre: Theatre, region: str, bucket: str | None) -> Any:
    try:
        return theatre.account.s3(region).get_bucket_replication(Bucket=bucket or "")["ReplicationConfiguration"]
    except ClientError as error:
        return error.response["Error"]["Code"]


class Stalled(RegionWatch):
    """A watch of replication that is behind at once: there is no load to be seen."""

    async def stalled(self, for_s: float, within_s: float) -> None:
        del for_s, within_s


@asynccontextmanager
async def fault_context(theatre: Theatre) -> AsyncIterator[tuple[DrillRun, FaultContext]]:
    async with opened(theatre.context(), "failover", theatre.probes()) as run:
        observer = WriteObserver(theatre.target.primary.region)
        yield run, FaultContext(run, observer, object.__new__(Stalled), 1.0)


async def lived(fault: Fault, hold_s: float, meanwhile: Callable[[], Awaitable[None]] | None = None) -> bool:
    """Do what a drill does with a fault, and return whether anything was undone."""
    undone = False

    async def undo() -> None:
        nonlocal undone
        undone = await fault.undo()

    await fault.check()
    async with in_the_end(undo):
        await fault.strike()
        await fault.hold(hold_s)
        if meanwhile:
            await meanwhile()
    return undone


def live(theatre: Theatre, make: MakeFault, hold_s: float = 0.1) -> bool:
    async def work() -> bool:
        async with fault_context(theatre) as (_, context):
            return await lived(make(context), hold_s)

    return asyncio.run(work())
