"""`status`: one screen for all regions."""

from typing import TYPE_CHECKING

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.state import Status


@click.command()
@click.option("--watch", type=click.FloatRange(min=1), metavar="SECONDS", help="Look again and again, until Ctrl-C.")
@global_options
@click.pass_obj
def status(wiring: Wiring, *, watch: float | None) -> ExitCode:
    """Show stacks, tables, buckets, functions and URLs of all regions; a region may be down."""
    import asyncio

    from builder.state import Asking, observe_status

    wiring.warn_stale()
    clients, deployment = wiring.clients.hurried(), wiring.standing

    async def look() -> None:
        while True:
            asking = Asking(clients=clients, now=wiring.console.now(), endpoint=wiring.endpoint)
            _, seen = await asyncio.gather(
                wiring.check_credentials(deployment, clients), observe_status(deployment, asking)
            )
            _show(wiring, seen, cleared=watch is not None)
            if watch is None:
                return
            await asyncio.sleep(watch)

    wiring.run(look())
    return ExitCode.DONE


def _show(wiring: Wiring, seen: "Status", *, cleared: bool) -> None:
    from builder.report.status import as_event, screen

    at = wiring.console.now()
    if wiring.json_events:
        wiring.console.result(as_event(seen, wiring.runtime_ends, at))
    else:
        wiring.console.say(screen(seen, wiring.runtime_ends, at), cleared=cleared)
