"""`drift`: what is not as its template says, and what the regions differ in."""

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@global_options
@click.pass_obj
def drift(wiring: Wiring) -> ExitCode:
    """Detect drift in all regions, and compare the regions with one another; exit code 3 where anything differs."""
    from builder.report.drift import as_event, as_text
    from builder.state import find_differences

    drifted, disparities = wiring.run(find_differences(wiring.deployment, wiring.clients))
    if wiring.json_events:
        wiring.console.result(as_event(drifted, disparities, wiring.console.now()))
    else:
        wiring.console.say(as_text(drifted, disparities))
    if disparities or any(stack.status == "DRIFTED" for stack in drifted):
        return ExitCode.CHANGES_FOUND
    return ExitCode.FAILED if any(stack.problem for stack in drifted) else ExitCode.DONE
