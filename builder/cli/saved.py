"""`show`, `execute`, `discard`: what can be done with a saved plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.files import read_saved
from builder.cli.options import (
    FILE,
    allow_option,
    fleet_page_options,
    make_plan_options,
    page_options,
    plan_options,
    recover_option,
    said_again,
    stop_option,
    yes_option,
)
from builder.cli.plan import recover_first, tell_plan, write_pages
from builder.cli.scope import Execution, P, Scope, command
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode
from builder.terms import counted

if TYPE_CHECKING:
    from builder.deploy import Plan


def show(session: Session, scope: Scope[P], /, *, plan_file: Path, **said: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show a saved plan again."""
    plan = _read(scope, plan_file)
    write_pages(session, scope, plan, plan_file, said)
    tell_plan(session, scope, plan, said)
    return ExitCode.DONE


def execute(session: Session, scope: Scope[P], /, *, plan_file: Path, **said: Any) -> ExitCode:  # noqa: ANN401 - as above
    """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped."""
    plan = _read(scope, plan_file)
    options = make_plan_options("plan", said, scope.role_arn(session.project))
    execution = Execution(
        trusted=scope.trusted(session.project, options),
        plan_file=plan_file,
        allow=said["allow"],
        again=f"python -m builder execute {plan_file}{said_again(said)}    goes on with what is left",
        stop=said.get("stop", False),
    )
    scope.check_saved(session, plan, execution)
    if (code := recover_first(session, scope.ordinary(plan), said)) is not ExitCode.DONE:
        return code
    return scope.execute(session, plan, execution)


def discard(session: Session, scope: Scope[P], /, *, plan_file: Path | None, everything: bool) -> ExitCode:
    """Delete a saved plan's change sets, or all that were left, and new stacks that hold nothing."""
    from builder.deploy import discard_all, discard_plan

    if everything == (plan_file is not None):
        raise BadInput(where=f"{scope.word}discard", what="takes either a plan's file or --all")
    if plan_file is None:
        deployment = scope.deployed(session.project)
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
        name, pinned = scope.deployed(project).name, scope.account(project)
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
    "show": command(
        show, "system", "Show a saved plan again, the riskiest change first, with console links.", _PLAN, page_options
    ),
    "execute": command(
        execute,
        "system",
        """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped.

        The plan has to follow from the assembly at hand: templates/ beside dr.yaml, or --assembly. A role, a mode,
        imports and a bucket for templates that it was made with are said again.
        """,
        *(_PLAN, allow_option, recover_option, yes_option, plan_options),
    ),
    "discard": command(discard, "system", _DISCARD, _DISCARD_PLAN, _EVERYTHING),
    "fleet discard": command(discard, "fleet", _DISCARD, _DISCARD_PLAN, _EVERYTHING),
    "fleet show": command(show, "fleet", "Show a saved plan again.", _FLEET_PLAN, fleet_page_options),
    "fleet execute": command(
        execute,
        "fleet",
        "Execute exactly the change sets of a saved plan, never rolled back; then what failed before.",
        *(_FLEET_PLAN, allow_option, stop_option, plan_options),
    ),
}
