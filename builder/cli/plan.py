"""`plan`: every change set of every region made, none executed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.cli.options import global_options
from builder.cli.plan_at_hand import check_writable, or_discard, write_private
from builder.cli.recover import recover_first, recover_option
from builder.cli.tell_plan import page_options, tell_plan, write_pages
from builder.cli.wiring import Wiring
from builder.cli.wish import keep_option, make_wish, said_again, wish_options, yes_option
from builder.errors import ExitCode


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("plan.json"), show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 where there is something to do.")
@keep_option
@recover_option
@yes_option
@page_options
@wish_options
@global_options
@click.pass_obj
def plan(wiring: Wiring, /, *, output: Path, detailed_exitcode: bool, recover: bool, **said: Any) -> ExitCode:  # noqa: ANN401
    """Make all change sets of all regions for review, execute none, and save the plan."""
    from builder.deploy import make_plan, write_plan

    check_writable({"--output": output, "--markdown": said["markdown"], "--html": said["html"]})
    deployment, clients, wish = wiring.deployment, wiring.clients, make_wish("plan", said, wiring.role_arn)
    if not said["keep"]:
        wish = replace(wish, replaced=wiring.console.warn)
    if recover:
        code = recover_first(wiring, deployment, yes=said["yes"])
        if code is not ExitCode.DONE:
            return code
    with wiring.console.progress() as emit:
        made = wiring.run(make_plan(deployment, clients, wiring.seal(), emit, wish))
    with or_discard(wiring, made):
        # The plan itself comes last: nobody executes one whose pages are missing.
        write_pages(wiring, made, output, markdown=said["markdown"], html=said["html"])
        write_private(output, write_plan(made), "--output")
    tell_plan(wiring, made, output, full=said["full"])
    if not made.is_empty:
        wiring.console.say(f"saved as {output}; next: python -m builder execute {output}{said_again(said)}")
    return ExitCode.CHANGES_FOUND if detailed_exitcode and not made.is_empty else ExitCode.DONE
