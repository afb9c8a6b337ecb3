"""`destroy`: everything that is deployed, found by its tag, in reverse order."""

from collections.abc import Collection
from typing import Any

import click

from builder.cli.options import allow_option, project_option, together
from builder.cli.scope import Scope, command
from builder.cli.session import Session
from builder.errors import ExitCode


def destroy(session: Session, scope: Scope[Any], /, *, allow: Collection[str], **said: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show what is deployed, ask, and delete all of it."""
    from builder.deploy import Removal, check_account, check_removable, make_needs, tell_allowed

    deletion, project = scope.find(session, said), session.project
    if not deletion.standing:
        session.console.say(deletion.nothing)
        return ExitCode.DONE
    session.console.say(deletion.listing)
    for found in deletion.standing:
        if found.stack.site.account is None:
            check_account(deletion.name, deletion.account, found.stack.account)
    tell_allowed(check_removable(deletion.standing, allow), session.console.tell)
    # People depend on production: there --yes alone does not answer.
    if not said["yes"] or (not said["yes_in_production"] and project.deletes_production):
        otherwise = "--yes answers it"
        if project.deletes_production:
            marked = f"{session.options.config} marks environments.{project.suffix} as production"
            otherwise = f"--yes --yes-in-production    {marked}"
        question = f"Delete all of this{deletion.consequence}? Type the deployment's name"
        session.console.ask(question, deletion.name, otherwise=otherwise)
    needs = make_needs(deletion.standing, deletion.needs())
    return deletion.delete(Removal(standing=deletion.standing, needs=needs, allow=allow))


_yes = click.option("--yes", is_flag=True, help="Answer every question with yes, the deployment's name included.")
_last_options = together(
    click.option(
        "--yes-in-production",
        is_flag=True,
        help="With --yes, answer also for an environment that dr.yaml marks as production.",
    ),
    allow_option,
)
COMMANDS = {
    "destroy": command(
        destroy,
        "system",
        "Delete every stack that carries the deployment's tag, with all data in it.",
        _yes,
        project_option("deployment"),
        click.option(
            "--region",
            "regions",
            multiple=True,
            metavar="REGION",
            help="Look there besides the assembly's regions, instead of in every region; repeatable.",
        ),
        _last_options,
    ),
    "fleet destroy": command(
        destroy,
        "fleet",
        "Delete the fleet's stacks in all accounts, with all data in them, and the sets; goes on where it was left.",
        _yes,
        click.option("--retain", is_flag=True, help="Leave the stacks in their accounts, on their own from then on."),
        click.option(
            "--role", metavar="NAME", help="A role in each account that may empty buckets there; else none is."
        ),
        *(project_option("fleet"), _last_options),
    ),
}
