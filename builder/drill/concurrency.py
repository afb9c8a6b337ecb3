"""The fault that makes a URL answer 429: the function's reserved concurrency set to 0.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from collections.abc import Mapping

from builder.aws import Clients, call
from builder.drill import experiment
from builder.drill.remains import RESTORE
from builder.drill.tag import Changed, read_tags, tag_key, write_tag
from builder.drill.target import Function
from builder.drill.tasks import to_its_end
from builder.errors import Stopped


async def observe_changed(clients: Clients, function: Function) -> tuple[Changed, ...]:
    """Return what drills that have not been undone changed on the function."""
    return read_tags(await _observe_tags(clients, function), function.where)


async def check_alone(clients: Clients, function: Function, drill: str = "") -> None:
    """Raise Stopped where a drill, this one aside, has changed the function or is about to."""
    others = [one.drill for one in await observe_changed(clients, function) if one.drill != drill]
    if others:
        raise Stopped(
            where=function.where,
            what=f"drill {', '.join(others)} is under way, or did not end",
            next_step=f"{RESTORE}    undoes what it changed, once it is known not to be under way",
        )


async def note(clients: Clients, function: Function, drill: str, *, fis: bool = False) -> None:
    """Write the reserved concurrency down on the function itself, and whether there will be an experiment too.

    Raises Stopped where another drill has, and then leaves nothing. It is read before that is looked for, so that it
    is not what another has made of it; and each looks again after it wrote, so that of two at least one sees the other.
    """
    functions = clients.of(function.site).functions(function.region)
    found = await call(function.where, functions.get_function_concurrency, FunctionName=function.name)
    await check_alone(clients, function, drill)
    changed = Changed(drill, found.get("ReservedConcurrentExecutions"), fis)
    await to_its_end(call(function.where, functions.tag_resource, Resource=function.arn, Tags=write_tag(changed)))
    try:
        await check_alone(clients, function, drill)
    except Stopped:
        await to_its_end(_forget(clients, function, drill))
        raise


async def take_away(clients: Clients, function: Function) -> None:
    """Set the reserved concurrency to 0; what it was has to be noted before."""
    await to_its_end(_reserve(clients, function, 0))


async def undo(clients: Clients, function: Function, drill: str) -> Changed | None:
    """Put back what the drill's note says was changed, the function first, then remove it; None where there is none.

    May be interrupted and repeated anywhere.
    """
    tags, key = await _observe_tags(clients, function), tag_key(drill)
    if key not in tags:
        return None
    (changed,) = read_tags({key: tags[key]}, function.where)
    await _reserve(clients, function, changed.reserved)
    if changed.fis:
        await experiment.stop(clients, function, drill)
    await _forget(clients, function, drill)
    return changed


async def _observe_tags(clients: Clients, function: Function) -> Mapping[str, str]:
    functions = clients.of(function.site).functions(function.region)
    answer = await call(function.where, functions.list_tags, Resource=function.arn)
    return answer.get("Tags", {})


async def _reserve(clients: Clients, function: Function, reserved: int | None) -> None:
    functions = clients.of(function.site).functions(function.region)
    if reserved is None:
        await call(function.where, functions.delete_function_concurrency, FunctionName=function.name)
    else:
        await call(
            function.where,
            functions.put_function_concurrency,
            FunctionName=function.name,
            ReservedConcurrentExecutions=reserved,
        )


async def _forget(clients: Clients, function: Function, drill: str) -> None:
    functions = clients.of(function.site).functions(function.region)
    await call(function.where, functions.untag_resource, Resource=function.arn, TagKeys=[tag_key(drill)])
