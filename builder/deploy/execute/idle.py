"""A wait before a change set is executed: operations in the resources that it changes have to end first.

CloudFormation completes an update while DynamoDB still fills a new index, and DynamoDB refuses the next change until
then. Nothing records that, so each resource is read before every change set, also for what an earlier run began.
"""

import asyncio
from collections.abc import Iterator

from builder.aws import Clients, Pace, together
from builder.deploy.observe.operation import DEADLINE_S, is_passing
from builder.deploy.progress import Emit, ResourceWaiting
from builder.deploy.records import ResourceChange, Step
from builder.deploy.resources import HOLDERS
from builder.errors import AwsError, Failed

_PACE = Pace(first_s=1.0, every_s=1.0)
_DENIED = ("AccessDenied", "UnauthorizedOperation")


async def until_idle(step: Step, clients: Clients, emit: Emit, stop: asyncio.Event) -> bool:
    """Return True once every resource of a change set can be changed; False if `stop` is set before that.

    Raises Failed where one still cannot after a day and a half, and AwsError where one cannot be read.
    """
    waits = (_until_idle(step, change, clients, emit, stop) for change in _changes(step))
    return all(await together(waits))


def _changes(step: Step) -> Iterator[ResourceChange]:
    for change in step.changes:
        if change.physical_id and change.type in HOLDERS and change.action in {"Modify", "Remove"}:
            if change.action == "Modify" and change.scope == ("Tags",):
                continue
            yield change


async def _until_idle(step: Step, change: ResourceChange, clients: Clients, emit: Emit, stop: asyncio.Event) -> bool:
    loop, reported = asyncio.get_running_loop(), ""
    since, name = loop.time(), f"{change.logical_id} ({change.type})"
    while because := await _busy_reason(step, change, clients, reported):
        if because != reported:
            reported = because
            emit(ResourceWaiting(stack=step.stack, resource=name, because=because))
        passed_s = loop.time() - since
        if passed_s > DEADLINE_S:
            what = f"{name} cannot be changed for {passed_s / 3600:.0f} hours by now: {because}"
            raise Failed(where=step.stack, what=what, next_step="the same command again    waits on")
        try:
            async with asyncio.timeout(_PACE.wait_s(passed_s)):
                await stop.wait()
        except TimeoutError:
            continue
        return False
    return True


async def _busy_reason(step: Step, change: ResourceChange, clients: Clients, reported: str) -> str:
    """Return what blocks the change; if a read fails temporarily, the last `reported` reason.

    Empty where the credentials may not read the resource: a plan's policy names only tables of the assembly, so no
    table that it removes. CloudFormation finds out then.
    """
    busy = HOLDERS[change.type].busy
    try:
        return await busy(clients.of(step.site), step.region, change.physical_id or "", _touched(change))
    except AwsError as error:
        if error.code.startswith(_DENIED):
            return ""
        if reported and is_passing(error):
            return reported
        raise


def _touched(change: ResourceChange) -> frozenset[str]:
    """Return the names of the properties that change: from `/Properties/Replicas/1`, or `Properties.Replicas`."""
    paths = (touched.path.replace(".", "/").strip("/").split("/") for touched in change.properties)
    return frozenset(path[1] for path in paths if path[0] == "Properties" and len(path) > 1)
