"""`fleet destroy`: the stacks in all accounts, then the sets, then the stacks that hold them."""

from collections.abc import Collection

import click

from builder.cli.fleet_carry_out import tell_fleet_end
from builder.cli.fleet_choice import find_fleet, project_option
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, production_option
from builder.errors import ExitCode


@click.command()
@click.option("--yes", is_flag=True, help="Answer every question with yes, the deployment's name included.")
@click.option("--retain", is_flag=True, help="Leave the stacks in their accounts, on their own from then on.")
@click.option("--role", metavar="NAME", help="A role in each account that may empty buckets there; else none is.")
@project_option
@production_option
@allow_option
@global_options
@click.pass_obj
def destroy(  # noqa: PLR0913 - its options
    wiring: Wiring,
    *,
    yes: bool,
    yes_in_production: bool,
    retain: bool,
    role: str | None,
    project: str | None,
    allow: Collection[str],
) -> ExitCode:
    """Delete the fleet's stacks in all accounts, with all data in them, and the sets; goes on where it was left."""
    from builder.deploy import Removal, check_removable, make_needs, tell_allowed
    from builder.fleet import FleetRemoval, destroy_fleet
    from builder.report.fleet_status import standing as told

    standing, sets = find_fleet(wiring, project)
    if not standing:
        wiring.console.say(f"nothing of {wiring.fleet_name} stands in any region")
        return ExitCode.DONE
    wiring.console.say(told(standing, sets))
    tell_allowed(check_removable(standing, allow), wiring.console.tell)
    if not yes or wiring.asks_in_production(said=yes_in_production):
        kept = "their stacks stay" if retain else "with their stacks in all accounts and all data"
        wiring.console.ask(
            f"Delete all of this, {kept}? Type the deployment's name",
            wiring.fleet_name,
            otherwise=wiring.answer_to_destroy,
        )
    removal = Removal(standing=standing, needs=make_needs(standing, {}), allow=allow)
    fleet = FleetRemoval(removal=removal, role=role, retain=retain)
    with wiring.console.progress() as emit:
        end = wiring.run(destroy_fleet(fleet, wiring.clients, wiring.seal().id, emit))
    return tell_fleet_end(wiring, end, "python -m builder fleet destroy    goes on from here")
