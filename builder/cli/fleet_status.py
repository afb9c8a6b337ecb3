"""`fleet status`: how every stack of the fleet stands, in every account and region."""

import click

from builder.cli.fleet_choice import choice_options, find_fleet, project_option
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@choice_options
@project_option
@click.option("--failed", is_flag=True, help="Only what is not as it should be.")
@global_options
@click.pass_obj
def status(  # noqa: PLR0913 - its options
    wiring: Wiring,
    *,
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    stacks: tuple[str, ...],
    failed: bool,
    as_csv: bool,
    project: str | None,
) -> ExitCode:
    """Show the sum of all stacks, then each that is not as it should be; exit 3 if there is one.

    An account that is suspended or closed is told and counts for nothing: StackSets pass it over.
    """
    from builder.fleet import Choice, observe_status
    from builder.report import fleet_status as report

    _, sets = find_fleet(wiring, project)
    choice = Choice(accounts=accounts, regions=regions, stacks=stacks, failed=failed)
    rows = wiring.run(observe_status(sets, wiring.clients, choice))
    if as_csv:
        wiring.console.result(report.status_csv(rows).removesuffix("\n"))
    elif wiring.json_events:
        wiring.console.result(report.status_json(rows))
    else:
        wiring.console.say(report.status(rows))
    return ExitCode.CHANGES_FOUND if any(row.is_wrong for row in rows) else ExitCode.DONE
