"""`fleet plan`: the change sets of all StackSets, and what they mean in each account and region."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.options import global_options
from builder.cli.plan_at_hand import check_writable, or_discard, write_private
from builder.cli.wiring import Wiring
from builder.cli.wish import keep_option, make_wish, said_again, wish_options
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.fleet import FleetPlan

overrides_option = click.option(
    "--overrides", is_flag=True, help="Read the parameters of every instance, also of more than 100: a call each."
)


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("fleet-plan.json"), show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 where there is something to do.")
@keep_option
@overrides_option
@wish_options
@global_options
@click.pass_obj
def plan(wiring: Wiring, /, *, output: Path, detailed_exitcode: bool, overrides: bool, **said: Any) -> ExitCode:  # noqa: ANN401
    """Make the change sets for review, execute none, and say what they mean in each account."""
    from builder.fleet import make_fleet_plan, write_fleet_plan

    check_writable({"--output": output})
    # dr.yaml's role is for the system's resources: it may do nothing with StackSets.
    deployment, clients, wish = wiring.fleet, wiring.clients, make_wish("plan", said, None)
    if not said["keep"]:
        wish = replace(wish, replaced=wiring.console.warn)
    with wiring.console.progress() as emit:
        work = make_fleet_plan(deployment, clients, wiring.seal(), emit, wish, all_overrides=overrides)
        made = wiring.run(work)
    with or_discard(wiring, made.ordinary):
        write_private(output, write_fleet_plan(made), "--output")
    tell_fleet_plan(wiring, made)
    if not made.is_empty:
        wiring.console.say(f"saved as {output}; next: python -m builder fleet execute {output}{said_again(said)}")
    return ExitCode.CHANGES_FOUND if detailed_exitcode and not made.is_empty else ExitCode.DONE


def tell_fleet_plan(wiring: Wiring, plan: "FleetPlan") -> None:
    """Show a plan: as text, and with --json as an event that names every account and resource."""
    from builder.report import as_json
    from builder.report.fleet import fleet_plan

    if wiring.json_events:
        wiring.console.result(as_json.fleet_made(plan, wiring.console.now()))
    wiring.console.say(fleet_plan(plan))
