"""`deploy`: plan, ask, execute."""

import click

from builder.cli.carry_out import carry_out
from builder.cli.options import global_options
from builder.cli.outputs import tell_outputs
from builder.cli.wiring import Wiring
from builder.errors import ExitCode, Stopped


@click.command()
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@global_options
@click.pass_obj
def deploy(wiring: Wiring, *, yes: bool) -> ExitCode:
    """Plan all regions, show the plan, ask, and execute exactly that."""
    from builder.deploy import discard_plan, make_plan
    from builder.report import text

    deployment, clients = wiring.deployment, wiring.clients
    with wiring.console.progress() as emit:
        plan = wiring.run(make_plan(deployment, clients, wiring.seal(), emit))
    wiring.console.say(text.plan(plan))
    if plan.steps and not yes:
        try:
            wiring.console.ask(f"Execute these {len(plan.steps)} change sets?", "yes")
        except Stopped:
            wiring.run(discard_plan(plan, clients))
            raise
    code = carry_out(wiring, plan) if plan.steps else ExitCode.DONE
    if code is ExitCode.DONE:
        tell_outputs(wiring)
    return code
