"""`deploy`: plan, ask, execute."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.carry_out import carry_out, check_review, tell_end
from builder.cli.options import global_options
from builder.cli.outputs import tell_outputs
from builder.cli.plan_at_hand import ask_to_execute, or_discard
from builder.cli.recover import recover_first, recover_option
from builder.cli.tell_plan import full_option, tell_plan
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, make_wish, wish_options, yes_option
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.deploy import Plan

_REVIEW = Path("plan.json")


@click.command()
@yes_option
@allow_option
@recover_option
@full_option
@wish_options
@global_options
@click.pass_obj
def deploy(
    wiring: Wiring,
    /,
    *,
    yes: bool,
    allow: Collection[str],
    recover: bool,
    **said: Any,  # noqa: ANN401
) -> ExitCode:
    """Plan all regions, show the plan, ask, and execute exactly that."""
    from builder.deploy import make_plan

    deployment, clients, wish = wiring.deployment, wiring.clients, make_wish("deploy", said, wiring.role_arn)
    if recover and (code := recover_first(wiring, deployment, yes=yes)) is not ExitCode.DONE:
        return code
    with wiring.console.progress() as emit:
        plan = wiring.run(make_plan(deployment, clients, wiring.seal(), emit, wish))
    with or_discard(wiring, plan):
        check_review(plan, _REVIEW)
        tell_plan(wiring, plan, _REVIEW, full=said["full"])
        if not yes and not plan.is_empty:
            ask_to_execute(wiring, plan, allow)
    code = ExitCode.DONE if plan.is_empty else _go_through(wiring, plan, allow)
    if code is ExitCode.DONE:
        tell_outputs(wiring)
    return code


def _go_through(wiring: Wiring, plan: "Plan", allow: Collection[str]) -> ExitCode:
    """Execute; what was made for this run and is not executed by it goes again."""
    from builder.deploy import execute_unreviewed, sweep

    ended = carry_out(
        wiring, plan, _REVIEW, partial(execute_unreviewed, plan, wiring.deployment, wiring.clients, allow=allow)
    )
    code = tell_end(wiring, ended, "python -m builder deploy    plans anew from what stands now")
    if code is ExitCode.DONE:
        wiring.run(sweep(wiring.deployment, plan, wiring.clients))
    return code
