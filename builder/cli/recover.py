"""`--recover`: what stands halfway is rolled back before anything else; `plan`, `deploy` and `execute` share it."""

from typing import TYPE_CHECKING

import click

from builder.cli.carry_out import tell_end
from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.deploy import Deployment, Plan

recover_option = click.option(
    "--recover",
    is_flag=True,
    help="First roll back stacks in UPDATE_FAILED and UPDATE_ROLLBACK_FAILED: shows what that might skip, and asks.",
)


def recover_first(wiring: Wiring, work: "Deployment | Plan", *, yes: bool) -> ExitCode:
    """Show what has to be rolled back, ask and do it; DONE where all of it ended well, or there was nothing."""
    from builder.deploy import Done, find_recoveries, recover
    from builder.report.recovery import recoveries

    with wiring.console.progress() as emit:
        found = wiring.run(find_recoveries(work, wiring.clients, emit))
    if not found:
        wiring.console.say("no stack has to be rolled back first")
        return ExitCode.DONE
    wiring.console.say(recoveries(found))
    if not yes:
        wiring.console.ask("Roll back exactly this?")
    with wiring.console.progress() as emit:
        ended = wiring.run(recover(found, wiring.clients, wiring.seal().id, emit))
    for outcome in ended:
        if isinstance(outcome, Done) and outcome.next_step:
            wiring.console.warn(f"then:  {outcome.next_step}")
    return tell_end(wiring, ended, "the same command again")
