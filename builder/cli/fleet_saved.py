"""`fleet show`, `fleet execute`: what can be done with a fleet's saved plan."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.fleet_carry_out import carry_out_fleet, stop_option
from builder.cli.fleet_plan import tell_fleet_plan
from builder.cli.options import global_options
from builder.cli.plan_at_hand import read_saved
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, make_options, request_options
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.fleet import FleetPlan

_PLAN = click.argument("plan_file", metavar="FLEET-PLAN.JSON", type=click.Path(path_type=Path))


@click.command()
@_PLAN
@global_options
@click.pass_obj
def show(wiring: Wiring, *, plan_file: Path) -> ExitCode:
    """Show a saved plan again."""
    tell_fleet_plan(wiring, _read(plan_file))
    return ExitCode.DONE


@click.command()
@_PLAN
@allow_option
@stop_option
@request_options
@global_options
@click.pass_obj
def execute(wiring: Wiring, /, *, plan_file: Path, allow: Collection[str], stop: bool, **said: Any) -> ExitCode:  # noqa: ANN401
    """Execute exactly the change sets of a saved plan, never rolled back; then what failed before."""
    from builder.fleet import execute_fleet

    plan = _read(plan_file)
    # dr.yaml's role is for the system's resources: it may do nothing with StackSets.
    trusted = wiring.trusted_fleet(make_options("plan", said, None))
    run = partial(execute_fleet, plan, trusted, wiring.clients, allow=allow, in_detail=wiring.console.in_detail)
    return carry_out_fleet(wiring, plan, run, stop=stop)


def _read(plan_file: Path) -> "FleetPlan":
    from builder.fleet import read_fleet_plan

    return read_saved(plan_file, read_fleet_plan, "fleet plan")
