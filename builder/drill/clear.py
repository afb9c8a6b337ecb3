"""The probes cleared away again, in every region: what was sent, acknowledged or not."""

from collections.abc import Sequence

from builder.aws import Clients, together
from builder.drill.bucket import delete_objects
from builder.drill.records import Line, Sent
from builder.drill.table import delete_items
from builder.drill.target import Target


async def clear(target: Target, clients: Clients, drill: str, lines: Sequence[Line]) -> None:
    """Delete everything that a drill's log says was sent."""
    sent = [line for line in lines if isinstance(line, Sent)]
    items = [one.name for one in sent if one.what == "item"]
    if items:
        await together(delete_items(clients, side, target.needed_table, items) for side in target.sides)
    if any(one.what == "object" for one in sent):
        # The source first: what it still replicates would come after.
        for side in target.sides:
            if side.bucket is not None:
                await delete_objects(clients, side, drill)
