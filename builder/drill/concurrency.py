"""The fault that makes a URL answer 429: the function's reserved concurrency set to 0.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from builder.aws import Clients, call
from builder.drill import experiment
from builder.drill.tag import TAG, Changed, read_tag, write_tag
from builder.drill.target import Side
from builder.drill.tasks import to_its_end


async def observe_changed(clients: Clients, side: Side) -> Changed | None:
    """Return what a drill that has not been undone changed on the side's function."""
    functions, where = clients.of(side.site).functions(side.region), _where(side)
    tags = (await call(where, functions.list_tags, Resource=side.arn)).get("Tags", {})
    return read_tag(tags[TAG], where) if TAG in tags else None


async def note(clients: Clients, side: Side, drill: str, *, fis: bool = False) -> None:
    """Write the reserved concurrency down on the function itself, and whether there will be an experiment too."""
    functions, where = clients.of(side.site).functions(side.region), _where(side)
    found = await call(where, functions.get_function_concurrency, FunctionName=side.function)
    changed = Changed(drill, found.get("ReservedConcurrentExecutions"), fis)
    await to_its_end(call(where, functions.tag_resource, Resource=side.arn, Tags={TAG: write_tag(changed)}))


async def take_away(clients: Clients, side: Side) -> None:
    """Set the reserved concurrency to 0; what it was has to be noted before."""
    functions = clients.of(side.site).functions(side.region)
    await to_its_end(
        call(
            _where(side), functions.put_function_concurrency, FunctionName=side.function, ReservedConcurrentExecutions=0
        )
    )


async def undo(clients: Clients, side: Side) -> Changed | None:
    """Put back what the tag says was changed, the function first, then remove the tag; None where there is none.

    May be interrupted and repeated anywhere.
    """
    functions, where = clients.of(side.site).functions(side.region), _where(side)
    changed = await observe_changed(clients, side)
    if changed is None:
        return None
    if changed.reserved is None:
        await call(where, functions.delete_function_concurrency, FunctionName=side.function)
    else:
        await call(
            where,
            functions.put_function_concurrency,
            FunctionName=side.function,
            ReservedConcurrentExecutions=changed.reserved,
        )
    if changed.fis:
        await experiment.stop(clients, side, changed.drill)
    await call(where, functions.untag_resource, Resource=side.arn, TagKeys=[TAG])
    return changed


def _where(side: Side) -> str:
    return f"{side.region}: {side.function}"
