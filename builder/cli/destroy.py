"""`destroy`: everything that is deployed, in reverse order; `fleet drop`: one account of a fleet; `artifacts prune`:
what nothing names any more.

What is deployed is found by its tag. An account leaves listed in dr.yaml or not, with its stacks or without.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from builder.cli.again import command_again
from builder.cli.allowed import keep_hits
from builder.cli.command import command, global_options, pass_session
from builder.cli.options import allow_option, together
from builder.cli.scope import FoundDeployment, Scope
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Failed
from builder.terms import counted

if TYPE_CHECKING:
    from builder.deploy import StackContents
    from builder.deploy.desired import DesiredStack
    from builder.deploy.plan.done_before import StackNames


def destroy(session: Session, scope: Scope[Any], /, *, allow: Collection[str], **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show what is deployed and what protects it, ask, and delete all of it but what stays."""
    from builder.deploy import Removal, check_account, check_removable, make_needs, observe_protections, tell_allowed
    from builder.report.text import retained_text

    deletion, project = scope.find(session, typed), session.project
    unprotect = bool(typed.get("unprotect"))
    if not deletion.stacks:
        session.console.say(deletion.nothing)
        return ExitCode.DONE
    session.console.say(deletion.listing)
    for contents in deletion.stacks:
        if contents.stack.site.account is None:
            check_account(deletion.name, deletion.account, contents.stack.account)
    stacks = _with_named(deletion, typed.get("delete_retained", ()))
    if any(contents.kept for contents in stacks):
        session.console.say(retained_text(stacks))
    protected = session.run(observe_protections(stacks, session.clients))
    allow = _without_done(session, deletion, protected, allow)
    tell_allowed(check_removable(protected, allow, unprotect=unprotect), session.console.tell)
    if "" in typed.get("delete_retained", ()):
        _ask_names(session, stacks)
    # People depend on production: there --yes alone does not answer.
    if not typed["yes"] or (not typed["yes_in_production"] and project.deletes_production):
        otherwise = "--yes answers it"
        if project.deletes_production:
            marked = f"{session.options.config} marks environments.{project.suffix} as production"
            otherwise = f"--yes --yes-in-production    {marked}"
        question = f"Delete all of this{deletion.consequence}? Type the deployment's name"
        session.console.ask(question, deletion.name, otherwise=otherwise)
    needs = make_needs(stacks, deletion.needs())
    # Whoever answers may take their time: what protects it is read again.
    return deletion.delete(Removal(stacks=stacks, needs=needs, allow=allow, unprotect=unprotect))


def _without_done(
    session: Session, deletion: FoundDeployment, stacks: "Sequence[StackContents]", allow: Collection[str]
) -> tuple[str, ...]:
    """Return the `--allow` that name what protects something; note those of what is lifted or deleted already.

    Raises BadInput for one of a stack that is neither deployed nor deleted.
    """
    from builder.deploy import protection_hits
    from builder.deploy.plan.done_before import KnownNames, find_gone, named_in_vain

    hits = [hit.allow for contents in stacks for hit in protection_hits(contents)]
    if not (in_vain := named_in_vain(hits, allow)):
        return tuple(allow)
    names = (*map(_names_of_contents, stacks), *map(_names_of_desired, deletion.desired()))
    gone = session.run(find_gone(deletion.name, deletion.sites, in_vain, session.clients))
    return keep_hits(session, allow, hits, KnownNames(stacks=names, gone=gone))


def _names_of_contents(contents: "StackContents") -> "StackNames":
    from builder.deploy.plan.done_before import WORDS, StackNames

    paths = [*contents.paths.values(), *(data.path for data in contents.kept)]
    return StackNames(stack=contents.id, names=frozenset({*WORDS, *_lifted(paths)}))


def _names_of_desired(stack: "DesiredStack") -> "StackNames":
    from builder.deploy.plan.done_before import WORDS, StackNames
    from builder.template import read_template

    resources = read_template(stack.template, stack.id).resources()
    return StackNames(stack=stack.id, names=frozenset({*WORDS, *_lifted(resources)}))


def _lifted(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield from (path, f"{path}/DeletionProtection", f"{path}/ObjectLock")


def _with_named(deletion: FoundDeployment, named: Sequence[str]) -> "tuple[StackContents, ...]":
    """Return the stacks with the retained data that is deleted too: what is named, or all of it where nothing is."""
    from builder.deploy import delete_kept

    every = [data.physical_id for contents in deletion.stacks for data in contents.kept if data.is_deletable]
    return delete_kept(deletion.stacks, [name for name in named if name] or every if named else (), deletion.unseen)


def _ask_names(session: Session, stacks: "Sequence[StackContents]") -> None:
    """Ask for the name of all retained data that goes; no `--yes` answers that. Raises Stopped for any other."""
    going = dict.fromkeys((data.type, data.physical_id) for contents in stacks for data in contents.deleted)
    otherwise = " ".join(f"--delete-retained {name}" for _, name in going)
    for kind, name in going:
        session.console.ask(
            f"Delete the retained {kind} with all that is in it? Type its name", name, otherwise=otherwise
        )


_delete_retained = click.option(
    "--delete-retained",
    multiple=True,
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Delete also the data that the stacks retain, as long as they list it: this one, or what is typed when asked; "
    "--yes does not answer that. Repeatable.",
)
_unprotect = click.option(
    "--unprotect",
    is_flag=True,
    help="Lift every protection first: stack policies, deletion protection in each region, termination protection.",
)
_yes = click.option("--yes", is_flag=True, help="Answer every question with yes, the deployment's name included.")
_last_options = together(
    click.option(
        "--yes-in-production",
        is_flag=True,
        help="With --yes, answer also for an environment that dr.yaml marks as production.",
    ),
    allow_option,
)


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
    from builder.report.as_json import fleet_leaving
    from builder.report.fleet import leaving_text, targeted_text
    from builder.terms import AccountId

    deployed = find_fleet(session)
    clients, console, run_id = session.clients, session.console, session.plan_id().id
    fleet = FleetRemoval(removal=Removal(stacks=deployed.stacks, needs={}), role=role, retain=retain)
    leaving = session.run(observe_leaving(AccountId(account), fleet, clients, run_id, console.tell))
    if session.options.json_events:
        console.result(fleet_leaving(leaving, console.now()))
    code = ExitCode.DONE
    if leaving.stacks:
        console.say(leaving_text(leaving))
        _ask(session, account, deletes=bool(leaving.deleted), yes=yes, yes_in_production=yes_in_production)
        with console.progress() as emit:
            end = session.run(drop_account(leaving, fleet, clients, run_id, emit))
        again = command_again(session.options, "fleet drop", {"retain": retain, "role": role}, account)
        code = tell_end(session, end, f"{again}    goes on from here")
    else:
        console.say(f"no set of {session.project.fleet_name} has an instance in {account}")
        _check_seen(session, [unseen.site.region for unseen in deployed.unseen])
    if code is ExitCode.DONE and (note := targeted_text(leaving)):
        console.warn(f"next:  {note}")
    return code


def _check_seen(session: Session, unseen: Sequence[str]) -> None:
    """Raise Failed where nothing was found, and not everywhere."""
    if unseen:
        raise Failed(
            where=session.project.fleet_name,
            what=f"whether sets of it are in {', '.join(unseen)} is not known",
            next_step="the same again, once that answers",
        )


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


@click.group()
def artifacts() -> None:
    """Look after the buckets for code and templates."""


@artifacts.command()
@_yes
@global_options
@pass_session
def prune(session: Session, *, yes: bool) -> ExitCode:
    """Delete from the buckets what no template, change set, StackSet or assembly names any more.

    Every stack of the account in the deployment's regions is read for it. What is younger than a day stays.
    """
    from builder.aws import observe_account
    from builder.deploy.delete.prune import find_leftovers, prune
    from builder.report.text import leftovers_text

    if session.options.skip_regions:
        raise BadInput(where="--skip-region", what="what is named in a region that is left out would not be seen")
    console, project = session.console, session.project
    if project.is_cdk:
        raise BadInput(
            where="artifacts prune",
            what="the buckets of a CDK app are those of CDK's bootstrap, in which every other app has its files too",
            next_step="cdk gc    is CDK's own, and knows what its apps take",
        )
    deployment = project.deployment_as_is_with_assets
    account = session.run(observe_account(session.clients, deployment.regions[0]))
    others = project.sites_of_others(account, session.clients.reaches)
    pruning = session.run(find_leftovers(deployment, account, others, session.clients, console.now()))
    console.say(leftovers_text(pruning))
    if not pruning.leftovers:
        return ExitCode.DONE
    if not yes:
        console.ask("Delete these for good?")
    count = session.run(prune(pruning.leftovers, session.clients))
    console.say(f"deleted {counted(count, 'object')}")
    return ExitCode.DONE


COMMANDS = {
    "artifacts": artifacts,
    "destroy": command(
        "destroy",
        destroy,
        "system",
        "Delete every stack that carries the deployment's tag, with all data in it but what they retain.",
        _yes,
        click.option(
            "--region",
            "regions",
            multiple=True,
            metavar="REGION",
            help="Look there besides the assembly's regions, instead of in every region; repeatable.",
        ),
        _unprotect,
        _delete_retained,
        _last_options,
    ),
    "fleet destroy": command(
        "destroy",
        destroy,
        "fleet",
        "Delete the fleet's stacks in all accounts, with all data in them, and the sets; goes on where it was left.",
        _yes,
        click.option("--retain", is_flag=True, help="Leave the stacks in their accounts, on their own from then on."),
        click.option(
            "--role", metavar="NAME", help="A role in each account that may empty buckets there; else none is."
        ),
        _last_options,
    ),
    "fleet drop": drop,
}
