"""`drift`: what is not as its template says, and what the regions differ in."""

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@global_options
@click.pass_obj
def drift(wiring: Wiring) -> ExitCode:
    """Detect drift in all regions, and compare the regions with one another.

    Exit code 3 where anything differs, 1 where something could not be looked at, or nothing is deployed.
    """
    from builder.deploy import not_deployed
    from builder.report.drift import as_event, as_text
    from builder.state import find_differences

    deployment = wiring.deployment
    wiring.run(wiring.check_credentials(deployment))
    found = wiring.run(find_differences(deployment, wiring.clients))
    if wiring.json_events:
        wiring.console.result(as_event(found, wiring.console.now()))
    else:
        wiring.console.say(as_text(found))
    if not found.is_deployed:
        raise not_deployed(deployment.name)
    if found.disparities or any(stack.status in {"ABSENT", "DRIFTED"} for stack in found.stacks):
        return ExitCode.CHANGES_FOUND
    return ExitCode.FAILED if found.silent or any(stack.problem for stack in found.stacks) else ExitCode.DONE
