"""The experiment of the deployment's own that pauses replication out of the primary, begun and stopped.

Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
"""

import asyncio

from builder.aws import Clients, Pace, call, pages
from builder.drill.note import TAG
from builder.drill.target import Function
from builder.drill.tasks import to_its_end
from builder.errors import AwsError, Failed, Stopped

_DEPLOYMENT = "builder:deployment"
"""The tag that every stack of a deployment hands on to what it holds."""
_UNDER_WAY = frozenset({"pending", "initiating", "running", "stopping"})
_ENDED = frozenset({"ConflictException", "ResourceNotFoundException", "ValidationException"})
"""The codes by which FIS may refuse to stop what has ended, or is being stopped."""
_STOPPED_WITHIN_S = 60.0
_PACE = Pace(first_s=0.2, every_s=0.5)


async def find_template(clients: Clients, function: Function, deployment: str) -> str:
    """Return the id of the deployment's experiment template. Raises Stopped where it has none."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {deployment}"
    ours: list[str] = []
    async for page in pages(where, fis.list_experiment_templates):
        listed = page["experimentTemplates"]
        ours += [one["id"] for one in listed if one.get("tags", {}).get(_DEPLOYMENT) == deployment]
    if not ours:
        raise Stopped(
            where=where,
            what="has no experiment by which replication could be paused",
            next_step="drill: fis in dr.yaml, then python -m builder render and deploy",
        )
    return ours[0]


async def start(clients: Clients, function: Function, template: str, drill: str) -> str:
    """Begin the experiment, and return its id when replication is paused. Raises Failed where that does not come."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {template}"
    begun = await to_its_end(
        call(where, fis.start_experiment, clientToken=drill, experimentTemplateId=template, tags={TAG: drill})
    )
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    experiment = begun["experiment"]
    while experiment["state"]["status"] in {"pending", "initiating"}:
        await asyncio.sleep(_PACE.wait_s(loop.time() - began_s))
        experiment = (await call(where, fis.get_experiment, id=experiment["id"]))["experiment"]
    if experiment["state"]["status"] != "running":
        said = experiment["state"]
        raise Failed(where=where, what=f"the experiment is {said['status']}: {said.get('reason', '')}")
    return experiment["id"]


async def check_until_ended(clients: Clients, function: Function, experiment: str) -> None:
    """Return when the experiment has ended by itself. Raises Failed where somebody stopped it, or an alarm did."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {experiment}"
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        state = (await call(where, fis.get_experiment, id=experiment))["experiment"]["state"]
        if state["status"] == "completed":
            return
        if state["status"] not in {"pending", "initiating", "running"}:
            what = f"the experiment is {state['status']} before its time, and the drill ends"
            raise Failed(
                where=where,
                what=f"{what}: {state.get('reason', '')}",
                next_step="look at the alarms that drill.fis.stop_alarms in dr.yaml names",
            )
        await asyncio.sleep(_PACE.wait_s(loop.time() - began_s))


async def stop(clients: Clients, function: Function, drill: str) -> None:
    """Stop what a drill began, if it runs, and return when replication goes on."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while running := await _running(clients, function, drill):
        for identifier, status in running:
            if status != "stopping":
                await _stop(clients, function, identifier, give_up=loop.time() - began_s > _STOPPED_WITHIN_S)
        await asyncio.sleep(_PACE.wait_s(loop.time() - began_s))


async def _stop(clients: Clients, function: Function, identifier: str, *, give_up: bool) -> None:
    """Stop an experiment; one that has just been stopped may be refused, and how it stands is then looked at again."""
    fis = clients.of(function.site).fis(function.region)
    try:
        await call(f"{function.region}: {identifier}", fis.stop_experiment, id=identifier)
    except AwsError as error:
        if give_up or error.code not in _ENDED:
            raise


async def _running(clients: Clients, function: Function, drill: str) -> list[tuple[str, str]]:
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: experiments"
    states: list[tuple[str, str]] = []
    async for page in pages(where, fis.list_experiments):
        ours = (one for one in page["experiments"] if one.get("tags", {}).get(TAG) == drill)
        states += [(one["id"], one["state"]["status"]) for one in ours]
    return [(identifier, status) for identifier, status in states if status in _UNDER_WAY]
