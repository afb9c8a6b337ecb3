"""`fleet outputs`: what the fleet's stacks put out, read in each account that is asked for."""

import click

from builder.cli.fleet_choice import choice_options, find_fleet, project_option
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@choice_options
@project_option
@click.option("--role", metavar="NAME", help="The role to assume in each account; else the fleet's execution role.")
@global_options
@click.pass_obj
def outputs(  # noqa: PLR0913 - its options
    wiring: Wiring,
    *,
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    stacks: tuple[str, ...],
    as_csv: bool,
    project: str | None,
    role: str | None,
) -> ExitCode:
    """Show the outputs of the stacks; only accounts that are asked for are called. Exit 1 where one does not answer."""
    from builder.fleet import Choice, observe_fleet_outputs
    from builder.report import fleet_status as report

    _, sets = find_fleet(wiring, project)
    choice = Choice(accounts=accounts, regions=regions, stacks=stacks)
    found = wiring.run(observe_fleet_outputs(sets, wiring.clients, choice, role))
    if as_csv:
        wiring.console.result(report.outputs_csv(found).removesuffix("\n"))
    elif wiring.json_events:
        wiring.console.result(report.outputs_json(found))
    else:
        wiring.console.say(report.outputs(found))
    for failure in found.failures if as_csv or wiring.json_events else ():
        wiring.console.warn(f"{failure.site.account} {failure.site.region}: {failure.reason}")
    return ExitCode.FAILED if found.failures else ExitCode.DONE
