"""`rehearse`: the whole life without an account."""

from typing import TYPE_CHECKING

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.rehearsal import Chapter, Line


@click.command()
@click.option("--fleet", is_flag=True, help="The life of a fleet instead: many accounts, by StackSets.")
@global_options
@click.pass_obj
def rehearse(wiring: Wiring, *, fleet: bool) -> ExitCode:
    """Render, lint, plan, deploy, use, update and destroy it all on an embedded AWS; no account is touched."""
    from builder.rehearsal import Chapter, Stage, rehearse_fleet
    from builder.rehearsal import rehearse as rehearse_system

    if wiring.assembly is not None:
        raise BadInput(
            where="--assembly",
            what="a rehearsal renders dr.yaml and changes it on the way: another assembly is not rehearsed",
            next_step="python -m builder local    runs the same AWS, for plan and execute with --assembly",
        )
    live = rehearse_fleet if fleet else rehearse_system

    started = wiring.console.now()

    def tell(said: "Chapter | Line") -> None:
        seconds = (wiring.console.now() - started).total_seconds()
        wiring.console.say(f"\n{said.title}  [{seconds:.1f} s]" if isinstance(said, Chapter) else f"  {said.text}")

    try:
        live(wiring.wanted, wiring.suffix, Stage(tell, wiring.run, wiring.console.progress, wiring.seal))
    except KeyboardInterrupt:
        wiring.console.warn("interrupted: the embedded AWS is gone, and with it all that stood there")
        return ExitCode.INTERRUPTED
    seconds = (wiring.console.now() - started).total_seconds()
    wiring.console.say(f"\nrehearsal passed in {seconds:.1f} s: what was deployed is gone, no account was touched")
    return ExitCode.DONE
