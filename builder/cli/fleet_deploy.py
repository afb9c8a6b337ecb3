"""`fleet deploy`: plan, ask, execute, and again what failed before."""

from collections.abc import Collection
from functools import partial
from typing import Any

import click

from builder.cli.fleet_carry_out import carry_out_fleet, stop_option
from builder.cli.fleet_plan import overrides_option, tell_fleet_plan
from builder.cli.options import global_options
from builder.cli.plan_at_hand import ask_to_execute, or_discard
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, make_wish, wish_options, yes_option
from builder.errors import ExitCode


@click.command()
@yes_option
@allow_option
@stop_option
@overrides_option
@wish_options
@global_options
@click.pass_obj
def deploy(
    wiring: Wiring,
    /,
    *,
    yes: bool,
    allow: Collection[str],
    stop: bool,
    overrides: bool,
    **said: Any,  # noqa: ANN401
) -> ExitCode:
    """Plan, show what happens in each account, ask, and execute exactly that; retries what failed before."""
    from builder.deploy import Trusted, sweep
    from builder.fleet import execute_fleet, make_fleet_plan

    # dr.yaml's role is for the system's resources: it may do nothing with StackSets.
    deployment, clients, wish = wiring.fleet, wiring.clients, make_wish("deploy", said, None)
    with wiring.console.progress() as emit:
        plan = wiring.run(make_fleet_plan(deployment, clients, wiring.seal(), emit, wish, all_overrides=overrides))
    with or_discard(wiring, plan.ordinary):
        tell_fleet_plan(wiring, plan)
        if not yes and not plan.is_empty:
            ask_to_execute(wiring, plan.ordinary, allow)
    if plan.is_empty:
        return ExitCode.DONE
    run = partial(
        execute_fleet,
        plan,
        Trusted(deployment=deployment, is_own=True),
        clients,
        allow=allow,
        in_detail=wiring.console.in_detail,
    )
    code = carry_out_fleet(wiring, plan, run, stop=stop)
    if code is ExitCode.DONE:
        wiring.run(sweep(deployment, plan.ordinary, clients))
    return code
