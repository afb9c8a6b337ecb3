"""`status`: one screen for all regions."""

from typing import TYPE_CHECKING

import click

from builder.cli.options import LONGEST_S, Number, global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode, Failed

if TYPE_CHECKING:
    from builder.state import Status


@click.command()
@click.option("--watch", type=Number(1, LONGEST_S), metavar="SECONDS", help="Look again and again, until Ctrl-C.")
@global_options
@click.pass_obj
def status(wiring: Wiring, *, watch: float | None) -> ExitCode:
    """Show stacks, tables, buckets, functions and URLs of all regions; a region may be down.

    Exit code 1 where none of them could be looked at.
    """
    import asyncio

    from builder.state import Asking, observe_status

    wiring.warn_stale()
    clients, deployment = wiring.clients.hurried(), wiring.standing

    async def look() -> "Status":
        while True:
            asking = Asking(clients=clients, now=wiring.console.now(), endpoint=wiring.endpoint)
            _, seen = await asyncio.gather(
                wiring.check_credentials(deployment, clients), observe_status(deployment, asking)
            )
            _show(wiring, seen, cleared=watch is not None)
            if watch is None:
                return seen
            await asyncio.sleep(watch)

    if wiring.run(look()).is_seen:
        return ExitCode.DONE
    raise Failed(where=deployment.name, what="nothing of it was seen: no region could be looked at")


def _show(wiring: Wiring, seen: "Status", *, cleared: bool) -> None:
    from builder.report.status import as_event, screen

    at = wiring.console.now()
    if wiring.json_events:
        wiring.console.result(as_event(seen, wiring.runtime_ends, at))
    else:
        wiring.console.say(screen(seen, wiring.runtime_ends, at), cleared=cleared)
