"""Executing a fleet's plan and showing how it ended; what `fleet execute` and `fleet deploy` share."""

from typing import TYPE_CHECKING, Any

import click

from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from builder.deploy import Standing
    from builder.fleet import FleetEmit, FleetEnd, FleetPlan

stop_option = click.option(
    "--stop", is_flag=True, help="On Ctrl-C also stop the operations of the StackSets, which otherwise go on."
)


def carry_out_fleet(
    wiring: Wiring, plan: "FleetPlan", execution: "Callable[[FleetEmit], Coroutine[Any, Any, FleetEnd]]", *, stop: bool
) -> ExitCode:
    """Execute a plan and tell how it ended. Ctrl-C leaves what runs, unless `stop` is said."""
    try:
        with wiring.console.progress() as emit:
            end = wiring.run(execution(emit))
    except KeyboardInterrupt:
        if stop:
            stop_fleet(wiring, _holding(wiring, plan))
        else:
            wiring.console.warn("the StackSets go on by themselves: python -m builder fleet stop    stops them")
        raise
    return tell_fleet_end(wiring, end, "python -m builder fleet deploy    takes up what failed, and only that")


def _holding(wiring: Wiring, plan: "FleetPlan") -> "tuple[Standing, ...]":
    from builder.deploy import find_standing

    sites = tuple(dict.fromkeys(one.stack_set.site for one in plan.sets))
    return wiring.run(find_standing(plan.ordinary.deployment, sites, wiring.clients))


def stop_fleet(wiring: Wiring, standing: "Collection[Standing]") -> None:
    """Stop what runs on the sets of these stacks, until nothing does, and say what was stopped."""
    from builder.fleet import stop_operations

    with wiring.console.progress() as emit:
        stopped = wiring.run(stop_operations(standing, wiring.clients, emit))
    for one in stopped:
        wiring.console.warn(f"{one.stack}: {one.operation.action} {one.operation.id} was stopped")
    wiring.console.warn("no operation runs on the fleet's sets")


def tell_fleet_end(wiring: Wiring, end: "FleetEnd", again: str) -> ExitCode:
    """Show how everything ended; `again` is the command that goes on from here."""
    from builder.fleet import fleet_exit_code
    from builder.report import as_json
    from builder.report.fleet_status import fleet_end

    code = fleet_exit_code(end)
    if wiring.json_events:
        wiring.console.result(as_json.fleet_ended(end, wiring.console.now()))
    wiring.console.say(fleet_end(end))
    if code is not ExitCode.DONE:
        wiring.console.warn(f"next:  {again}")
    return code
