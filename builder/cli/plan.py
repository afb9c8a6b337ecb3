"""`plan`, `show`, `execute`, `discard`: review first; and what is shared by all that show a plan and ask about it.

`plan` makes every change set and executes none; the others do what can be done with a saved plan.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.again import command_again
from builder.cli.command import command
from builder.cli.files import check_writable, read_saved, write_private
from builder.cli.options import (
    FILE,
    OptionDecorator,
    allow_option,
    fleet_page_options,
    keep_option,
    look_option,
    make_plan_options,
    make_plan_request,
    overrides_option,
    page_options,
    plan_options,
    recover_option,
    request_options,
    stop_option,
    together,
    yes_option,
)
from builder.cli.scope import Execution, P, Scope, TypedOptions
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode
from builder.terms import counted

if TYPE_CHECKING:
    from builder.deploy import Deployment, Plan, PlanRequest


def plan(session: Session, scope: Scope[P], /, *, output: Path, **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Make the change sets, save the plan and show it."""
    check_writable({"--output": output, "--markdown": typed.get("markdown"), "--html": typed.get("html")})
    deployment = scope.deployment(session)
    request = make_plan_request("plan", typed, scope.role_arn(session.project))
    if not typed["keep"]:
        request = replace(request, replaced=session.console.warn)
    if (code := scope.recover(session, deployment, typed)) is not ExitCode.DONE:
        return code
    plan = make_plan(session, scope, deployment, request, typed)
    with or_discard(session, scope.ordinary(plan)):
        # The plan itself comes last: nobody executes one whose pages are missing.
        write_pages(session, scope, plan, output, typed)
        write_private(output, scope.write_plan(plan), "--output")
    tell_plan(session, scope, plan, typed)
    if plan.is_empty:
        return ExitCode.DONE
    execute_it = command_again(session.options, f"{scope.word}execute", typed, output)
    session.console.say(f"saved as {output}; next: {execute_it}")
    return ExitCode.CHANGES_FOUND if typed["detailed_exitcode"] else ExitCode.DONE


def make_plan(
    session: Session, scope: Scope[P], deployment: "Deployment", request: "PlanRequest", typed: TypedOptions
) -> P:
    """Return the plan, its progress shown while it is made."""
    with session.console.progress() as emit:
        return session.run(scope.make_plan(session, deployment, request, emit, typed))


def tell_plan(session: Session, scope: Scope[P], plan: P, typed: TypedOptions) -> None:
    """Show a plan: with --json as an event, and as text."""
    if session.options.json_events:
        session.console.result(scope.event(plan, session.console.now()))
    session.console.say(scope.text(session, plan, typed))


def write_pages(session: Session, scope: Scope[P], plan: P, plan_file: Path, typed: TypedOptions) -> None:
    """Write the pages that were asked for of a saved plan. Raises BadInput where one can't be written."""
    if not (typed.get("markdown") or typed.get("html")):
        return
    from builder.report.review import without_links

    shown, accounts = scope.pages(plan)
    shown = without_links(shown) if session.options.has_own_endpoint else shown
    if page := typed.get("markdown"):
        from builder.report import markdown

        write_private(page, markdown.plan_markdown(shown, str(plan_file), accounts).encode(), "--markdown")
    if page := typed.get("html"):
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


def _first_options(default: str) -> OptionDecorator[Any]:
    return together(
        click.option("-o", "--output", type=click.Path(path_type=Path), default=Path(default), show_default=True),
        click.option("--detailed-exitcode", is_flag=True, help="Exit 3 where there is something to do."),
        keep_option,
    )


def show(session: Session, scope: Scope[P], /, *, plan_file: Path, **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show a saved plan again."""
    plan = _read(scope, plan_file)
    write_pages(session, scope, plan, plan_file, typed)
    tell_plan(session, scope, plan, typed)
    return ExitCode.DONE


def execute(session: Session, scope: Scope[P], /, *, plan_file: Path, **typed: Any) -> ExitCode:  # noqa: ANN401 - as above
    """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped."""
    plan = _read(scope, plan_file)
    options = make_plan_options("plan", typed, scope.role_arn(session.project))
    execution = Execution(
        trusted=scope.trusted(session, options),
        plan_file=plan_file,
        allow=typed["allow"],
        again=scope.again(session.options, typed, plan_file),
        stop=typed.get("stop", False),
    )
    scope.check_saved(session, plan, execution)
    if (code := scope.recover(session, scope.ordinary(plan), typed)) is not ExitCode.DONE:
        return code
    return scope.execute(session, plan, execution)


def discard(session: Session, scope: Scope[P], /, *, plan_file: Path | None, everything: bool) -> ExitCode:
    """Delete a saved plan's change sets, or all that were left, and new stacks that hold nothing."""
    from builder.deploy import discard_all, discard_plan

    if everything == (plan_file is not None):
        raise BadInput(where=f"{scope.word}discard", what="takes either a plan's file or --all")
    if plan_file is None:
        deployment = scope.deployment_as_is(session.project)
        session.run(session.check_credentials(deployment))
        discarded = session.run(discard_all(deployment, session.clients))
        session.console.say("".join(f"{stack}\n" for stack in discarded))
        session.console.say(f"discarded {len(discarded)} change sets and empty stacks of {deployment.name}")
        return ExitCode.DONE
    plan = scope.ordinary(_read(scope, plan_file))
    _check_ours(session, scope, plan)
    session.run(discard_plan(plan, session.clients))
    session.console.say(f"discarded {counted(len(plan.steps), 'change set')} of plan {plan.id}")
    return ExitCode.DONE


def _check_ours(session: Session, scope: Scope[P], plan: "Plan") -> None:
    """Raise BadInput for a plan of another deployment or account, as far as it can be told without an assembly."""
    from builder.aws import observe_account
    from builder.deploy import check_account, check_own, check_reach

    check_own(plan)
    project, clients = session.project, session.clients
    if session.options.assembly is not None or project.has_config_file:
        name, pinned = scope.deployment_as_is(project).name, scope.account(project)
        if plan.deployment != name:
            raise BadInput(
                where=plan.deployment, what=f"is what the plan is of, and not {name}", next_step="--env SUFFIX"
            )
        check_account(name, pinned, plan.account)
    if plan.steps:
        account = session.run(observe_account(clients, plan.steps[0].region))
        check_account(plan.deployment, plan.account, account)
        check_reach(plan.deployment, (step.site for step in plan.steps), account, clients)


def _read(scope: Scope[P], plan_file: Path) -> P:
    return read_saved(plan_file, scope.read_plan, f"{scope.word}plan")


_PLAN = click.argument("plan_file", metavar="PLAN.JSON", type=FILE)
_DISCARD_PLAN = click.argument("plan_file", metavar="[PLAN.JSON]", type=FILE, required=False)
_EVERYTHING = click.option(
    "--all", "everything", is_flag=True, help="All that plans of the deployment left, whoever made them."
)
_DISCARD = "Delete a saved plan's change sets, or all that were left, and new stacks that hold nothing."
_FLEET_PLAN = click.argument("plan_file", metavar="FLEET-PLAN.JSON", type=FILE)
COMMANDS = {
    "plan": command(
        "plan",
        plan,
        "system",
        "Make all change sets of all regions for review, execute none, and save the plan.",
        *(_first_options("plan.json"), recover_option, yes_option, page_options, request_options),
    ),
    "fleet plan": command(
        "plan",
        plan,
        "fleet",
        "Make the change sets for review, execute none, and say what they mean in each account.",
        *(_first_options("fleet-plan.json"), fleet_page_options, overrides_option, look_option, request_options),
    ),
    "show": command(
        "show",
        show,
        "system",
        "Show a saved plan again, the riskiest change first, with console links.",
        _PLAN,
        page_options,
    ),
    "execute": command(
        "execute",
        execute,
        "system",
        """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped.

        The plan has to follow from the assembly at hand: templates/ beside dr.yaml, or --assembly. A role, a mode,
        imports and a bucket for templates that it was made with are said again.
        """,
        *(_PLAN, allow_option, recover_option, yes_option, plan_options),
    ),
    "discard": command("discard", discard, "system", _DISCARD, _DISCARD_PLAN, _EVERYTHING),
    "fleet discard": command("discard", discard, "fleet", _DISCARD, _DISCARD_PLAN, _EVERYTHING),
    "fleet show": command("show", show, "fleet", "Show a saved plan again.", _FLEET_PLAN, fleet_page_options),
    "fleet execute": command(
        "execute",
        execute,
        "fleet",
        "Execute exactly the change sets of a saved plan, never rolled back; then what failed before.",
        *(_FLEET_PLAN, allow_option, stop_option, plan_options),
    ),
}
