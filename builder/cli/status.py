"""`status`, `drift`, `outputs`: how the system stands in its regions, and its fleet in its accounts."""

from typing import Any

import click

from builder.cli.command import command
from builder.cli.options import LONGEST_S, NumberRange, choice_options
from builder.cli.scope import Scope, StateReport
from builder.cli.session import Session
from builder.errors import ExitCode


def status(session: Session, scope: Scope[Any], /, *, watch: float | None = None, **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show how everything stands; with `watch` again and again, after so many seconds each, until Ctrl-C."""
    import asyncio

    observe = scope.status(session, typed)

    async def observe_and_show() -> StateReport:
        while True:
            report = await observe()
            _show(session, report, cleared=watch is not None)
            if watch is None:
                return report
            await asyncio.sleep(watch)

    return session.run(observe_and_show()).end()


def drift(session: Session, scope: Scope[Any], /) -> ExitCode:
    """Show what differs from what was deployed."""
    report = scope.drift(session)
    _show(session, report)
    return report.end()


def outputs(session: Session, scope: Scope[Any], /, **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show the outputs of the stacks."""
    report = scope.outputs(session, typed)
    _show(session, report)
    return report.end()


def _show(session: Session, report: StateReport, *, cleared: bool = False) -> None:
    """Show a report in the form that was asked for; `cleared`, in the place of the one before."""
    console, is_for_people = session.console, True
    if report.alone is not None:
        console.result(report.alone())
        is_for_people = False
    elif session.options.json_events:
        console.result(report.event())
        is_for_people = report.has_both
    for number, text in enumerate(report.text() if is_for_people else ()):
        console.say(text, cleared=cleared and number == 0)
    for note in report.notes:
        console.warn(note)


COMMANDS = {
    "status": command(
        "status",
        status,
        "system",
        """Show stacks, tables, buckets, functions and URLs of all regions; a region may be down.

        Exit code 1 where none of them could be looked at.
        """,
        click.option(
            "--watch", type=NumberRange(1, LONGEST_S), metavar="SECONDS", help="Look again and again, until Ctrl-C."
        ),
    ),
    "fleet status": command(
        "status",
        status,
        "fleet",
        """Show the sum of all stacks, then each that is not as it should be; exit 3 if there is one.

        An account that is suspended or closed is told and counts for nothing: StackSets pass it over.
        """,
        *(choice_options, click.option("--failed", is_flag=True, help="Only what is not as it should be.")),
    ),
    "drift": command(
        "drift",
        drift,
        "system",
        """Detect drift in all regions, and compare the regions with one another.

        Exit code 3 where anything differs, 1 where something could not be looked at, or nothing is deployed.
        """,
    ),
    "fleet drift": command(
        "drift",
        drift,
        "fleet",
        """Detect drift of every stack in every account, by one operation of each StackSet; changes nothing.

        Exit code 3 where anything drifted, 1 where something could not be looked at, or nothing is deployed.
        """,
    ),
    "outputs": command(
        "outputs",
        outputs,
        "system",
        """Show the outputs; with a NAME its bare value.

        One under a condition that is false is said to be absent, which is no failure; where one is missing the exit
        code is 1, after all the others.
        """,
        click.argument("name", required=False),
    ),
    "fleet outputs": command(
        "outputs",
        outputs,
        "fleet",
        """Show the outputs of the stacks; only accounts that are asked for are called. Exit 1 where one does not
        answer.""",
        choice_options,
        click.option(
            "--role", metavar="NAME", help="The role to assume in each account; else the fleet's execution role."
        ),
    ),
}
