"""A function in one region, and its URLs."""

from builder.aws import call, together
from builder.state.health import observe_url
from builder.state.look import Look
from builder.state.records import FunctionState

TYPE = "AWS::Lambda::Function"


async def observe_function(look: Look, name: str) -> FunctionState:
    """Return how a function stands, and what each of its URLs answers."""
    client, where = look.clients.functions(look.region), f"{look.region}: {name}"
    found = await call(where, client.get_function_configuration, FunctionName=name)
    listed = await call(where, client.list_function_url_configs, FunctionName=name)
    urls = await together(
        observe_url(look, one["FunctionUrl"], one["AuthType"]) for one in listed["FunctionUrlConfigs"]
    )
    return FunctionState(
        function=name,
        state=found.get("State", ""),
        last_update=found.get("LastUpdateStatus", ""),
        runtime=found.get("Runtime", ""),
        urls=tuple(urls),
    )
