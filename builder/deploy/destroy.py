"""Taking a deployment down: found by its tag, in reverse order, emptied on both sides, nothing else touched."""

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.deploy.cause import observe_cause
from builder.deploy.change_set import token
from builder.deploy.desired import TAG_STACK
from builder.deploy.observe import ObservedStack, RegionView, of_deployment
from builder.deploy.progress import Emit, Emptied, FirstFailure, NotStarted, Started, Status
from builder.deploy.records import Broke, Cancelled, Done, Outcome
from builder.deploy.resources import HOLDERS
from builder.deploy.watch import Watch
from builder.errors import BuilderError
from builder.terms import Region, StackId

_DEADLINE_S = 6 * 3600.0
_TRIES = 3
Needs = Mapping[StackId, tuple[StackId, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """One stack of the deployment that is there, with what it holds."""

    id: StackId
    stack: ObservedStack
    holders: tuple[tuple[str, str], ...]
    """Type and physical id of each resource that holds data."""


@dataclass(slots=True)
class _Run:
    clients: Clients
    emit: Emit
    run_id: str
    watches: Mapping[Region, Watch]
    ends: dict[StackId, asyncio.Future[Outcome]]


async def find_standing(deployment: str, regions: tuple[Region, ...], clients: Clients) -> tuple[Standing, ...]:
    """Return every stack that carries the deployment's tag in these regions, whether an assembly has it or not."""
    by_region = await together(RegionView(clients, region).every_stack() for region in regions)
    stacks = [stack for found in by_region for stack in of_deployment(found, deployment)]
    held = await together(_holders(stack, clients) for stack in stacks)
    return tuple(
        Standing(id=_stack_id(stack), stack=stack, holders=holders) for stack, holders in zip(stacks, held, strict=True)
    )


async def destroy(
    standing: tuple[Standing, ...], needs: Needs, clients: Clients, run_id: str, emit: Emit
) -> tuple[Outcome, ...]:
    """Delete these stacks and all they hold; return each one's outcome.

    A stack goes when all that need it are gone. Replication is stopped everywhere before any bucket is emptied.
    """
    loop = asyncio.get_running_loop()
    run = _Run(
        clients,
        emit,
        run_id,
        _make_watches(standing, clients, emit),
        {one.id: loop.create_future() for one in standing},
    )
    await together(
        HOLDERS[kind].quiesce(clients, one.stack.region, physical_id)
        for one in standing
        for kind, physical_id in one.holders
    )
    return tuple(await asyncio.gather(*(_take_down(run, one, _dependants(one.id, needs)) for one in standing)))


def _dependants(stack: StackId, needs: Needs) -> tuple[StackId, ...]:
    return tuple(other for other, needed in needs.items() if stack in needed)


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))


def _make_watches(standing: tuple[Standing, ...], clients: Clients, emit: Emit) -> dict[Region, Watch]:
    ids = {one.stack.arn: one.id for one in standing}
    last: dict[StackId, str] = {one.id: one.stack.status for one in standing}

    def seen(stack: ObservedStack) -> None:
        stack_id = ids[stack.arn]
        if last[stack_id] != stack.status:
            last[stack_id] = stack.status
            emit(Status(stack=stack_id, status=stack.status))

    regions = {one.stack.region for one in standing}
    return {region: Watch(RegionView(clients, region), clients.tempo.stacks, seen) for region in regions}


async def _holders(stack: ObservedStack, clients: Clients) -> tuple[tuple[str, str], ...]:
    client = clients.cloudformation(stack.region)

    def every_page() -> tuple[tuple[str, str], ...]:
        return tuple(
            (resource["ResourceType"], resource["PhysicalResourceId"])
            for page in client.get_paginator("list_stack_resources").paginate(StackName=stack.arn)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] in HOLDERS
            and resource.get("PhysicalResourceId")
            and resource["ResourceStatus"] != "DELETE_COMPLETE"
        )

    return await call(f"{stack.region}/{stack.name}", every_page)


async def _take_down(run: _Run, one: Standing, dependants: tuple[StackId, ...]) -> Outcome:
    try:
        outcome = await _outcome(run, one, dependants)
    except BuilderError as error:
        run.emit(FirstFailure(stack=one.id, resource="", reason=error.what))
        outcome = Broke(one.id, status="", resource="", reason=error.what, next_step=error.next_step)
    if isinstance(outcome, Cancelled):
        run.emit(NotStarted(stack=one.id, because=outcome.because))
    run.ends[one.id].set_result(outcome)
    return outcome


async def _outcome(run: _Run, one: Standing, dependants: tuple[StackId, ...]) -> Outcome:
    for other in dependants:
        if other in run.ends and not isinstance(await run.ends[other], Done):
            return Cancelled(one.id, because=f"{other}, which needs it, is still there")
    watch = run.watches[one.stack.region]
    if not one.stack.facts.settled:
        await watch.until(one.stack.arn, lambda stack: stack.facts.settled, _DEADLINE_S)
    await _empty(run, one)
    attempt = 1
    while (stack := await _delete(run, one, watch, attempt)).status != "DELETE_COMPLETE":
        if attempt == _TRIES:
            return await _broke(run, one, stack)
        await _release(run, one)
        attempt += 1
    return Done(one.id, stack.status)


async def _empty(run: _Run, one: Standing) -> None:
    for kind, physical_id in one.holders:
        await HOLDERS[kind].empty(
            run.clients,
            one.stack.region,
            physical_id,
            functools.partial(_tell_emptied, run, one.id, physical_id),
        )


def _tell_emptied(run: _Run, stack: StackId, bucket: str, versions: int) -> None:
    run.emit(Emptied(stack=stack, bucket=bucket, versions=versions))


async def _release(run: _Run, one: Standing) -> None:
    for kind, physical_id in one.holders:
        await HOLDERS[kind].release(run.clients, one.stack.region, physical_id)


async def _delete(run: _Run, one: Standing, watch: Watch, attempt: int) -> ObservedStack:
    run.emit(Started(stack=one.id, what="DELETE"))
    await call(
        one.id,
        run.clients.cloudformation(one.stack.region).delete_stack,
        StackName=one.stack.arn,
        ClientRequestToken=_token(run, one, attempt),
    )
    seen_deleting = False

    def over(stack: ObservedStack) -> bool:
        # A stale read may still show the status from before: that one is neither of the two ends, except that a
        # second try starts from DELETE_FAILED, which counts only once the deletion has been seen to run.
        nonlocal seen_deleting
        seen_deleting = seen_deleting or stack.status == "DELETE_IN_PROGRESS"
        return stack.status == "DELETE_COMPLETE" or (
            stack.status == "DELETE_FAILED" and (seen_deleting or attempt == 1)
        )

    return await watch.until(one.stack.arn, over, _DEADLINE_S)


async def _broke(run: _Run, one: Standing, stack: ObservedStack) -> Broke:
    cause = await observe_cause(run.clients, stack, _token(run, one, _TRIES))
    resource, reason = (cause.resource, cause.reason) if cause else ("", stack.status_reason)
    run.emit(FirstFailure(stack=one.id, resource=resource, reason=reason))
    return Broke(one.id, stack.status, resource, reason, next_step="python -m builder destroy    goes on from here")


def _token(run: _Run, one: Standing, attempt: int) -> str:
    return token(run.run_id, one.id, f"delete-{attempt}")
