"""`fleet drop`: an account leaves the fleet, listed in dr.yaml or not, with its stacks or without."""

import re

import click

from builder.cli.options import global_options, pass_session, project_option
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode


def _account(_: click.Context, __: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"\d{12}", value):
        raise BadInput(
            where="fleet drop", what=f"'{value}' is no account's id", next_step="12 digits, such as 444455556666"
        )
    return value


@click.command()
@click.argument("account", callback=_account)
@click.option("--retain", is_flag=True, help="Leave its stacks in the account, on their own from then on.")
@click.option("--role", metavar="NAME", help="A role in the account that may empty buckets there; else none is.")
@click.option("--yes", is_flag=True, help="Answer every question with yes, the account's id included.")
@click.option(
    "--yes-in-production",
    is_flag=True,
    help="With --yes, answer also for an environment that dr.yaml marks as production.",
)
@project_option("fleet")
@global_options
@pass_session
def drop(  # noqa: PLR0913 - as click has them
    session: Session, *, account: str, retain: bool, role: str | None, yes: bool, yes_in_production: bool
) -> ExitCode:
    """Take an account out of all sets: its stacks are deleted, those first that need others; goes on where it was left.

    The stacks stay in an account that StackSets cannot reach: closed or suspended, or its role is gone.
    """
    from builder.cli.fleet import find_fleet, tell_end
    from builder.deploy import Removal
    from builder.fleet import FleetRemoval, drop_account, observe_leaving
    from builder.report.leaving import leaving_text, targeted_text
    from builder.terms import AccountId

    standing, _ = find_fleet(session)
    clients, console = session.clients, session.console
    leaving = session.run(observe_leaving(AccountId(account), standing, clients, retain=retain))
    code = ExitCode.DONE
    if leaving.stacks:
        console.say(leaving_text(leaving))
        _ask(session, account, deletes=bool(leaving.deleted), yes=yes, yes_in_production=yes_in_production)
        fleet = FleetRemoval(removal=Removal(standing=standing, needs={}), role=role)
        with console.progress() as emit:
            end = session.run(drop_account(leaving, fleet, clients, session.plan_id().id, emit))
        code = tell_end(session, end, f"python -m builder fleet drop {account}    goes on from here")
    else:
        console.say(f"no set of {session.project.fleet_name} has an instance in {account}")
    if code is ExitCode.DONE and (note := targeted_text(leaving)):
        console.warn(f"next:  {note}")
    return code


def _ask(session: Session, account: str, *, deletes: bool, yes: bool, yes_in_production: bool) -> None:
    """Ask, unless that is answered. Raises Stopped where nobody agrees."""
    is_production = deletes and session.project.deletes_production
    if yes and (yes_in_production or not is_production):
        return
    otherwise = "--yes answers it"
    if is_production:
        marked = f"{session.options.config} marks environments.{session.project.suffix} as production"
        otherwise = f"--yes --yes-in-production    {marked}"
    if deletes:
        session.console.ask(f"Delete all of this? Type the account's id ({account})", account, otherwise=otherwise)
    else:
        session.console.ask("Take it out of the fleet?", otherwise=otherwise)


COMMANDS = {"fleet drop": drop}
