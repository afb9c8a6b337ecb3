"""`outputs`: what the deployment put out, or the fleet's stacks in their accounts, for people and shells."""

import json
from typing import TYPE_CHECKING, Any

import click

from builder.cli.options import choice_options, global_options, pass_session, project_option
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.deploy import Outputs


@click.command()
@click.argument("name", required=False)
@global_options
@pass_session
def outputs(session: Session, *, name: str | None) -> ExitCode:
    """Show the outputs; with a NAME its bare value.

    One under a condition that is false is said to be absent, which is no failure; where one is missing the exit code
    is 1, after all the others.
    """
    session.warn_stale()
    if name is not None:
        known = session.project.deployed.outputs
        if name not in known:
            raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
        session.console.result(_read(session).value(name))
        return ExitCode.DONE
    found = _read(session)
    if session.options.json_events:
        session.console.result(json.dumps({**found.values, **dict.fromkeys(found.absent)}))
    else:
        session.console.say(_as_text(found))
    found.check()
    return ExitCode.DONE


def tell_outputs(session: Session) -> None:
    """Show every output at the end of a run: a line each, or with --json one event for all.

    Raises Failed, after that, where one is missing.
    """
    from builder.report.as_json import outputs_read

    found, console = _read(session), session.console
    if session.options.json_events:
        console.result(outputs_read(session.project.deployed.name, found, console.now()))
    else:
        console.say(_as_text(found))
    found.check()


def _as_text(found: "Outputs") -> str:
    """Return a line each; of one that need not be there the reason."""
    there = (f"{name} = {value}\n" for name, value in found.values.items())
    return "".join((*there, *(f"{name}: absent, {why}\n" for name, why in found.absent.items())))


def _read(session: Session) -> "Outputs":
    from builder.deploy import observe_every_output

    deployed = session.project.deployed
    session.run(session.check_credentials(deployed))
    return session.run(observe_every_output(deployed, session.clients))


@click.command("outputs")
@choice_options
@project_option("fleet")
@click.option("--role", metavar="NAME", help="The role to assume in each account; else the fleet's execution role.")
@global_options
@pass_session
def fleet_outputs(session: Session, *, as_csv: bool, role: str | None, **only: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show the outputs of the stacks; only accounts that are asked for are called. Exit 1 where one does not answer."""
    from builder.cli.fleet import find_fleet
    from builder.fleet import RowFilter, observe_fleet_outputs
    from builder.report import fleet as report

    sets = find_fleet(session).sets
    found = session.run(observe_fleet_outputs(sets, session.clients, RowFilter(**only), role))
    if as_csv:
        session.console.result(report.fleet_outputs_csv(found).removesuffix("\n"))
    elif session.options.json_events:
        session.console.result(report.fleet_outputs_json(found))
    else:
        session.console.say(report.fleet_outputs_text(found))
    for failure in found.failures if as_csv or session.options.json_events else ():
        session.console.warn(f"{failure.site.account} {failure.site.region}: {failure.reason}")
    return ExitCode.FAILED if found.failures else ExitCode.DONE


COMMANDS = {"outputs": outputs, "fleet outputs": fleet_outputs}
