"""Before a change set is executed: what goes on in the resources that it changes has to end first.

CloudFormation is done with an update while DynamoDB still fills a new index, and refuses the next one meanwhile; nobody
remembers that, so it is asked for before each change set, one of an earlier run included.
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
    """Return True once everything that a change set changes can be changed; False where `stop` is set before that.

    Raises Failed where it still can't after a day and a half, and AwsError where it cannot be looked at.
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
    loop, told = asyncio.get_running_loop(), ""
    since, name = loop.time(), f"{change.logical_id} ({change.type})"
    while because := await _goings_on(step, change, clients, told):
        if because != told:
            told = because
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


async def _goings_on(step: Step, change: ResourceChange, clients: Clients, told: str) -> str:
    """Return what goes on; what was told last where a look fails that is only one of many.

    Nothing where nobody may look: a policy knows the tables of the assembly, and one that goes is in it no more. Then
    CloudFormation finds out.
    """
    busy = HOLDERS[change.type].busy
    try:
        return await busy(clients.of(step.site), step.region, change.physical_id or "", _touched(change))
    except AwsError as error:
        if error.code.startswith(_DENIED):
            return ""
        if told and is_passing(error):
            return told
        raise


def _touched(change: ResourceChange) -> frozenset[str]:
    """Return the names of the properties that change: of `/Properties/Replicas/1`, or `Properties.Replicas`."""
    paths = (touched.path.replace(".", "/").strip("/").split("/") for touched in change.properties)
    return frozenset(path[1] for path in paths if path[0] == "Properties" and len(path) > 1)
