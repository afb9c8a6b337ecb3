"""`outputs`: what the deployment put out, for people and shells."""

import json
from collections.abc import Mapping

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode


@click.command()
@click.argument("name", required=False)
@global_options
@click.pass_obj
def outputs(wiring: Wiring, *, name: str | None) -> ExitCode:
    """Show the outputs; with a NAME its bare value."""
    if name is None:
        if wiring.json_events:
            wiring.console.result(json.dumps(read_outputs(wiring)))
        else:
            wiring.console.say(as_text(read_outputs(wiring)))
        return ExitCode.DONE
    known = wiring.deployment.outputs
    if name not in known:
        raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
    wiring.console.result(read_outputs(wiring)[name])
    return ExitCode.DONE


def tell_outputs(wiring: Wiring) -> None:
    """Show every output at the end of a run: a line each, or with --json one event for all."""
    from builder.report.as_json import outputs_read

    values, console = read_outputs(wiring), wiring.console
    if wiring.json_events:
        console.result(outputs_read(wiring.deployment.name, values, console.now()))
    else:
        console.say(as_text(values))


def as_text(values: Mapping[str, str]) -> str:
    """Return a line each."""
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def read_outputs(wiring: Wiring) -> dict[str, str]:
    """Return every output by its name."""
    from builder.deploy import observe_outputs

    return dict(wiring.run(observe_outputs(wiring.deployment, wiring.clients)))
