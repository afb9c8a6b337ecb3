"""A function in one region, and its URLs."""

from builder.aws import Clients, call, together
from builder.state.health import observe_url
from builder.state.records import FunctionState
from builder.terms import Region

TYPE = "AWS::Lambda::Function"


async def observe_function(clients: Clients, region: Region, name: str, endpoint: str | None) -> FunctionState:
    """Return how a function stands, and what each of its URLs answers."""
    client, where = clients.functions(region), f"{region}: {name}"
    found = await call(where, client.get_function_configuration, FunctionName=name)
    listed = await call(where, client.list_function_url_configs, FunctionName=name)
    urls = await together(
        observe_url(clients, region, one["FunctionUrl"], one["AuthType"], endpoint)
        for one in listed["FunctionUrlConfigs"]
    )
    return FunctionState(
        function=name,
        state=found.get("State", ""),
        last_update=found.get("LastUpdateStatus", ""),
        runtime=found.get("Runtime", ""),
        urls=tuple(urls),
    )
