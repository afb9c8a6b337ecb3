"""`outputs`: what the deployment put out, for people and shells."""

import json

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
        tell_outputs(wiring)
        return ExitCode.DONE
    known = wiring.deployment.outputs
    if name not in known:
        raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
    click.echo(_read(wiring)[name])
    return ExitCode.DONE


def tell_outputs(wiring: Wiring) -> None:
    """Show every output: a line each, or with --json one line on stdout for all."""
    values = _read(wiring)
    if wiring.json_events:
        wiring.console.result(json.dumps(values))
    else:
        wiring.console.say("".join(f"{key} = {value}\n" for key, value in values.items()))


def _read(wiring: Wiring) -> dict[str, str]:
    from builder.deploy import observe_outputs

    return dict(wiring.run(observe_outputs(wiring.deployment, wiring.clients)))
