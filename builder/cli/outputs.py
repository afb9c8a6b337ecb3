"""`outputs`: what the deployment put out, for people and shells."""

import json
from typing import TYPE_CHECKING

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.deploy import Outputs


@click.command()
@click.argument("name", required=False)
@global_options
@click.pass_obj
def outputs(wiring: Wiring, *, name: str | None) -> ExitCode:
    """Show the outputs; with a NAME its bare value.

    One under a condition that is false is said to be absent, which is no failure; where one is missing the exit code
    is 1, after all the others.
    """
    wiring.warn_stale()
    if name is not None:
        known = wiring.standing.outputs
        if name not in known:
            raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
        wiring.console.result(read_outputs(wiring).value(name))
        return ExitCode.DONE
    found = read_outputs(wiring)
    if wiring.json_events:
        wiring.console.result(json.dumps({**found.values, **dict.fromkeys(found.absent)}))
    else:
        wiring.console.say(as_text(found))
    found.check()
    return ExitCode.DONE


def tell_outputs(wiring: Wiring) -> None:
    """Show every output at the end of a run: a line each, or with --json one event for all.

    Raises Failed, after that, where one is missing.
    """
    from builder.report.as_json import outputs_read

    found, console = read_outputs(wiring), wiring.console
    if wiring.json_events:
        console.result(outputs_read(wiring.standing.name, found, console.now()))
    else:
        console.say(as_text(found))
    found.check()


def as_text(found: "Outputs") -> str:
    """Return a line each; of one that need not be there the reason."""
    there = (f"{name} = {value}\n" for name, value in found.values.items())
    return "".join((*there, *(f"{name}: absent, {why}\n" for name, why in found.absent.items())))


def read_outputs(wiring: Wiring) -> "Outputs":
    """Return every output by its name."""
    from builder.deploy import observe_every_output

    wiring.run(wiring.check_credentials(wiring.standing))
    return wiring.run(observe_every_output(wiring.standing, wiring.clients))
