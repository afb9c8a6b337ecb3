"""Executing a fleet's plan and showing how it ended; what `fleet execute` and `fleet deploy` share."""

from typing import TYPE_CHECKING, Any

import click

from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from builder.fleet import FleetEmit, FleetEnd, FleetPlan, StackSet

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
            stop_sets(wiring, [one.stack_set for one in plan.sets])
        else:
            wiring.console.warn("the StackSets go on by themselves: python -m builder fleet stop    stops them")
        raise
    return tell_fleet_end(wiring, end, "python -m builder fleet deploy    takes up what failed, and only that")


def stop_sets(wiring: Wiring, sets: "Collection[StackSet]") -> None:
    """Stop what runs on the sets, and say what was stopped."""
    from builder.fleet import stop_operations

    stopped = wiring.run(stop_operations(sets, wiring.clients))
    for one in stopped:
        wiring.console.warn(f"{one.stack}: {one.operation.action} {one.operation.id} stops")
    if not stopped:
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
