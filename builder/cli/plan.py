"""`plan`: every change set made, none executed; and what is shared by all that show a plan and ask about it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.files import check_writable, write_private
from builder.cli.options import (
    Option,
    fleet_page_options,
    keep_option,
    look_option,
    make_plan_request,
    overrides_option,
    page_options,
    recover_option,
    request_options,
    said_again,
    together,
    yes_option,
)
from builder.cli.scope import P, Said, Scope, command
from builder.cli.session import Session
from builder.errors import ExitCode

if TYPE_CHECKING:
    from builder.deploy import Deployment, Plan, PlanRequest


def plan(session: Session, scope: Scope[P], /, *, output: Path, **said: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Make the change sets, save the plan and show it."""
    check_writable({"--output": output, "--markdown": said.get("markdown"), "--html": said.get("html")})
    deployment = scope.deployment(session.project)
    request = make_plan_request("plan", said, scope.role_arn(session.project))
    if not said["keep"]:
        request = replace(request, replaced=session.console.warn)
    if (code := recover_first(session, deployment, said)) is not ExitCode.DONE:
        return code
    plan = make_plan(session, scope, deployment, request, said)
    with or_discard(session, scope.ordinary(plan)):
        # The plan itself comes last: nobody executes one whose pages are missing.
        write_pages(session, scope, plan, output, said)
        write_private(output, scope.write_plan(plan), "--output")
    tell_plan(session, scope, plan, said)
    if plan.is_empty:
        return ExitCode.DONE
    session.console.say(f"saved as {output}; next: python -m builder {scope.word}execute {output}{said_again(said)}")
    return ExitCode.CHANGES_FOUND if said["detailed_exitcode"] else ExitCode.DONE


def make_plan(session: Session, scope: Scope[P], deployment: "Deployment", request: "PlanRequest", said: Said) -> P:
    """Return the plan, its progress shown while it is made."""
    with session.console.progress() as emit:
        return session.run(scope.make_plan(session, deployment, request, emit, said))


def recover_first(session: Session, work: "Deployment | Plan", said: Said) -> ExitCode:
    """Where --recover is said, show what has to be rolled back, ask and do it; DONE unless that ends otherwise."""
    if not said.get("recover"):
        return ExitCode.DONE
    from builder.cli.system import tell_end
    from builder.deploy import Done, find_recoveries, recover
    from builder.report.text import recoveries_text

    with session.console.progress() as emit:
        found = session.run(find_recoveries(work, session.clients, emit))
    if not found:
        session.console.say("no stack has to be rolled back first")
        return ExitCode.DONE
    session.console.say(recoveries_text(found))
    if not said["yes"]:
        session.console.ask("Roll back exactly this?")
    with session.console.progress() as emit:
        ended = session.run(recover(found, session.clients, session.plan_id().id, emit))
    for outcome in ended:
        if isinstance(outcome, Done) and outcome.next_step:
            session.console.warn(f"then:  {outcome.next_step}")
    return tell_end(session, ended, "the same command again")


def tell_plan(session: Session, scope: Scope[P], plan: P, said: Said) -> None:
    """Show a plan: with --json as an event, and as text."""
    if session.options.json_events:
        session.console.result(scope.event(plan, session.console.now()))
    session.console.say(scope.text(session, plan, said))


def write_pages(session: Session, scope: Scope[P], plan: P, plan_file: Path, said: Said) -> None:
    """Write the pages that were asked for of a saved plan. Raises BadInput where one can't be written."""
    if not (said.get("markdown") or said.get("html")):
        return
    from builder.report.review import without_links

    shown, accounts = scope.pages(plan)
    shown = without_links(shown) if session.options.has_own_endpoint else shown
    if page := said.get("markdown"):
        from builder.report import markdown

        write_private(page, markdown.plan_markdown(shown, str(plan_file), accounts).encode(), "--markdown")
    if page := said.get("html"):
        from builder.report import html

        write_private(page, html.plan_page(shown, str(plan_file), accounts).encode(), "--html")


def ask_to_execute(session: Session, plan: "Plan", allow: Collection[str]) -> None:
    """Say what is allowed, and ask whether to go on. Raises Stopped where nobody says yes."""
    from builder.deploy import check_allowed, tell_allowed

    tell_allowed(check_allowed(plan.guards, plan.pending, allow), session.console.tell)
    session.console.ask("Execute exactly this?")


@contextmanager
def or_discard(session: Session, plan: "Plan") -> Iterator[None]:
    """Show a plan and ask about it; whatever ends that before its end, the plan's change sets go again.

    A no, Ctrl-C, SIGTERM, a terminal that goes and a page that cannot be written all mean the same.
    """
    from builder.deploy import discard_plan
    from builder.report.console import interruptible

    try:
        with interruptible():
            yield
    except BaseException:
        session.run(discard_plan(plan, session.clients))
        raise


def _first_options(default: str) -> Option[Any]:
    return together(
        click.option("-o", "--output", type=click.Path(path_type=Path), default=Path(default), show_default=True),
        click.option("--detailed-exitcode", is_flag=True, help="Exit 3 where there is something to do."),
        keep_option,
    )


COMMANDS = {
    "plan": command(
        plan,
        "system",
        "Make all change sets of all regions for review, execute none, and save the plan.",
        *(_first_options("plan.json"), recover_option, yes_option, page_options, request_options),
    ),
    "fleet plan": command(
        plan,
        "fleet",
        "Make the change sets for review, execute none, and say what they mean in each account.",
        *(_first_options("fleet-plan.json"), fleet_page_options, overrides_option, look_option, request_options),
    ),
}
