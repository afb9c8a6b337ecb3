"""The pauses of replication and the delay of function URLs, which change no resource of the deployment.

First FIS's experiment, on AWS. Then what only the embedded AWS can do, since AWS has no call for it: delay function
URLs, and pause replication in one direction. Its paths for that are below the endpoint of the calls; they need its
token.
"""

import asyncio
import os
from typing import Any

import urllib3

from builder.aws import ALARM, Clients, Pace, call, observe_alarms, pages
from builder.aws.call import is_here
from builder.drill.note import TAG
from builder.drill.target import Function
from builder.drill.tasks import to_its_end
from builder.errors import AwsError, Failed, Stopped

PACE = Pace(first_s=0.2, every_s=0.5)
_DEPLOYMENT = "builder:deployment"
"""The tag that every stack of a deployment passes on to its resources."""
_UNDER_WAY = frozenset({"pending", "initiating", "running", "stopping"})
_ENDED = frozenset({"ConflictException", "ResourceNotFoundException", "ValidationException"})
"""FIS's error codes if an experiment that should be stopped has ended or is being stopped."""
_STOPPED_WITHIN_S = 60.0


async def find_template(clients: Clients, function: Function, deployment: str) -> str:
    """Return the id of the deployment's experiment template. Raises Stopped if it has none."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {deployment}"
    ours = [
        template["id"]
        async for page in pages(where, fis.list_experiment_templates)
        for template in page["experimentTemplates"]
        if template.get("tags", {}).get(_DEPLOYMENT) == deployment
    ]
    if not ours:
        raise Stopped(
            where=where,
            what="has no experiment by which replication could be paused",
            next_step="drill: fis in dr.yaml, then python -m builder render and deploy",
        )
    return ours[0]


async def check_stop_alarms(clients: Clients, function: Function, template: str) -> None:
    """Raise Stopped unless all alarms that stop the experiment are out of ALARM, which would end it at once."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {template}"
    described = (await call(where, fis.get_experiment_template, id=template))["experimentTemplate"]
    arns = [
        condition["value"] for condition in described["stopConditions"] if condition["source"] == "aws:cloudwatch:alarm"
    ]
    seen = await observe_alarms(clients, function.site, [arn.partition(":alarm:")[2] for arn in arns])
    if words := [alarm.words for alarm in seen.values() if alarm.state == ALARM]:
        what = "its experiment would be stopped at once: no fault is made\n  " + "\n  ".join(words)
        raise Stopped(where=function.where, what=what, next_step="--fault throttle goes without an experiment")


async def start_experiment(clients: Clients, function: Function, template: str, drill: str) -> str:
    """Start the experiment, and return its id once it runs. Raises Failed if it does not."""
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: {template}"
    answer = await to_its_end(
        call(where, fis.start_experiment, clientToken=drill, experimentTemplateId=template, tags={TAG: drill})
    )
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    experiment = answer["experiment"]
    while experiment["state"]["status"] in {"pending", "initiating"}:
        await asyncio.sleep(PACE.wait_s(loop.time() - began_s))
        experiment = (await call(where, fis.get_experiment, id=experiment["id"]))["experiment"]
    if experiment["state"]["status"] != "running":
        state = experiment["state"]
        raise Failed(where=where, what=f"the experiment is {state['status']}: {state.get('reason', '')}")
    return experiment["id"]


async def check_until_ended(clients: Clients, function: Function, experiment: str) -> None:
    """Return when the experiment has ended by itself. Raises Failed if somebody or an alarm has stopped it."""
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
                next_step="look at its alarms: those that drill.fis.stop_alarms names, and the built-in ones",
            )
        await asyncio.sleep(PACE.wait_s(loop.time() - began_s))


async def stop_experiment(clients: Clients, function: Function, drill: str) -> None:
    """Stop the experiment of a drill if it runs, and return when replication goes on."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while running := await _running(clients, function, drill):
        for identifier, status in running:
            if status != "stopping":
                await _stop(clients, function, identifier, give_up=loop.time() - began_s > _STOPPED_WITHIN_S)
        await asyncio.sleep(PACE.wait_s(loop.time() - began_s))


async def _stop(clients: Clients, function: Function, identifier: str, *, give_up: bool) -> None:
    """Stop an experiment. If FIS refuses since it has just ended or been stopped, the caller reads its state again."""
    fis = clients.of(function.site).fis(function.region)
    try:
        await call(f"{function.region}: {identifier}", fis.stop_experiment, id=identifier)
    except AwsError as error:
        if give_up or error.code not in _ENDED:
            raise


async def _running(clients: Clients, function: Function, drill: str) -> list[tuple[str, str]]:
    fis, where = clients.of(function.site).fis(function.region), f"{function.region}: experiments"
    return [
        (experiment["id"], experiment["state"]["status"])
        async for page in pages(where, fis.list_experiments)
        for experiment in page["experiments"]
        if experiment.get("tags", {}).get(TAG) == drill and experiment["state"]["status"] in _UNDER_WAY
    ]


_TOKEN = "BUILDER_LOCAL_TOKEN"  # noqa: S105  a name, not a token
_WITHIN_S = 5.0


async def check_embedded(clients: Clients, function: Function, instead: str) -> None:
    """Raise Stopped unless calls go to an embedded AWS whose paths answer; `instead` says what to do on AWS."""
    endpoint = _endpoint(clients, function)
    if not is_here(endpoint):
        raise Stopped(where=function.where, what=f"only the embedded AWS can make this fault; {instead}")
    await observe_delay(clients, function)


async def observe_delay(clients: Clients, function: Function) -> float | None:
    """Return the delay of the region's function URLs in seconds, None if there is none."""
    answer = await _ask(clients, function, "faults")
    held = [fault["delay_s"] for fault in answer["function_urls"] if fault["region"] == function.region]
    return float(held[0]) if held else None


async def hold_back(clients: Clients, function: Function, delay_s: float) -> None:
    """Delay every request to the region's function URLs by so many seconds, until the next call; 0 ends the delay."""
    fault = {"region": function.region, "delay_s": delay_s, "for_s": None if delay_s else 0}
    await to_its_end(_ask(clients, function, "faults", {"function_urls": [fault]}))


async def observe_paused(clients: Clients, function: Function) -> list[dict[str, Any]]:
    """Return the directions from the region in which replication is paused."""
    answer = await _ask(clients, function, "replication")
    return [way for way in answer["delays"] if way["from"] == function.region and way["paused"]]


async def pause_replication(clients: Clients, function: Function, to: list[str]) -> None:
    """Pause replication from the region to these. The other direction goes on, and delays stay as they are."""
    answer = await _ask(clients, function, "replication")
    delays = {(way["service"], way["from"], way["to"]): way["delay_s"] for way in answer["delays"]}
    ways = [(service, function.region, region) for service in ("dynamodb", "s3") for region in to]
    await to_its_end(_set(clients, function, {way: delays.get(way, 0.0) for way in ways}, paused=True))


async def let_replicate(clients: Clients, function: Function) -> None:
    """Resume the paused replication from the region."""
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
    """Return the JSON of a path, after a PUT of the document if there is one. Raises AwsError for a bad answer."""
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
