"""Why an operation failed, asked of the stack's events, only as far back as that operation goes."""

from builder.aws import Clients, call
from builder.deploy.events import FirstCause, first_cause
from builder.deploy.observe import ObservedStack


async def observe_cause(clients: Clients, stack: ObservedStack, client_token: str) -> FirstCause | None:
    """Return the first real failure of the operation that carries this token, or None if no event shows one."""
    client = clients.of(stack.site).cloudformation(stack.region)

    def events_of_the_operation() -> FirstCause | None:
        events = []
        seen = False
        for page in client.get_paginator("describe_stack_events").paginate(StackName=stack.arn):
            ours = any(event.get("ClientRequestToken") == client_token for event in page["StackEvents"])
            if seen and not ours:
                break  # newest first: from here on it is the operation before
            events += page["StackEvents"]
            seen = seen or ours
        return first_cause(events, client_token)

    return await call(f"{stack.region}/{stack.name}", events_of_the_operation)
