"""`fleet stop`: what runs on the fleet's StackSets ends where it is."""

import click

from builder.cli.fleet_carry_out import stop_fleet
from builder.cli.fleet_choice import find_fleet, project_option
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@project_option
@global_options
@click.pass_obj
def stop(wiring: Wiring, *, project: str | None) -> ExitCode:
    """Stop every operation that runs on the fleet's StackSets; accounts not reached yet stay as they are."""
    standing, _ = find_fleet(wiring, project)
    if standing:
        stop_fleet(wiring, standing)
    else:
        wiring.console.say(f"nothing of {wiring.fleet_name} stands in any region")
    return ExitCode.DONE
