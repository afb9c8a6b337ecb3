"""What a stack's events tell of its operations, read only as far back as it takes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages
from builder.deploy.events import (
    FirstCause,
    SinceGood,
    failed_resources,
    first_cause,
    first_cause_inside,
    made_inside,
    since_good,
)
from builder.deploy.nested import NestedStack
from builder.deploy.observe import Located, ObservedStack, once_there
from builder.errors import AwsError
from builder.terms import Arn, LogicalId, Site

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef


async def observe_cause(clients: Clients, stack: ObservedStack, client_token: str) -> FirstCause | None:
    """Return the first real failure of the operation that carries this token, or None if no event shows one.

    Where a nested stack failed, it is the resource that failed first inside it, however deep.
    """
    cause = first_cause(await _events_of(clients, stack, client_token), client_token)
    return cause and await _inside(clients, stack.site, cause, client_token)


async def _inside(clients: Clients, site: Site, cause: FirstCause, client_token: str) -> FirstCause:
    """Return what failed first in the nested stack that the cause names; the cause itself where none is to be seen."""
    if not cause.nested:
        return cause
    try:
        events = await _events_of(clients, NestedStack(site, Arn(cause.nested)), client_token)
    except AwsError:
        return cause  # it was never made, or may not be looked at: what its parent says of it has to do
    found = first_cause_inside(events, client_token)
    if found is None:
        return cause
    found = await _inside(clients, site, found, client_token)
    return replace(found, resource=f"{cause.resource.partition(' ')[0]}/{found.resource}")


async def observe_failed(clients: Clients, stack: ObservedStack, client_token: str) -> frozenset[LogicalId]:
    """Return every resource that failed by itself in the operation that carries this token."""
    return failed_resources(await _events_of(clients, stack, client_token), client_token)


async def observe_token(clients: Clients, stack: ObservedStack) -> str:
    """Return the client token of the stack's last operation, empty where its caller gave none."""
    client = clients.of(stack.site).cloudformation(stack.region)
    where = f"{stack.region}/{stack.name}"
    newest = await once_there(lambda: call(where, client.describe_stack_events, StackName=stack.arn))
    return next((event.get("ClientRequestToken", "") for event in newest["StackEvents"]), "")


async def observe_since_good(clients: Clients, stack: ObservedStack) -> SinceGood:
    """Return what happened to the stack's resources since its last good state."""
    client = clients.of(stack.site).cloudformation(stack.region)
    events: list[StackEventTypeDef] = []
    async for page in pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn):
        events += page["StackEvents"]
        if since_good(events).known:
            break
    return since_good(events)


async def observe_made_inside(clients: Clients, stack: NestedStack, tokens: frozenset[str]) -> frozenset[LogicalId]:
    """Return what the operations with these tokens made new in a nested stack."""
    client = clients.of(stack.site).cloudformation(stack.region)
    events: list[StackEventTypeDef] = []
    async for page in pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn):
        events += page["StackEvents"]
    return made_inside(events, tokens)


async def _events_of(clients: Clients, stack: Located, client_token: str) -> "list[StackEventTypeDef]":
    client = clients.of(stack.site).cloudformation(stack.region)
    events: list[StackEventTypeDef] = []
    seen = False
    async for page in pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn):
        ours = any(event.get("ClientRequestToken") == client_token for event in page["StackEvents"])
        if seen and not ours:
            break  # newest first: from here on it is the operation before
        events += page["StackEvents"]
        seen = seen or ours
    return events
