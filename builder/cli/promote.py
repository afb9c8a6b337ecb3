"""`promote`: a secondary becomes the primary, in AWS and in dr.yaml; no data moves, it goes from stack to stack.

Killed anywhere, the same command goes on: what was decided stands in AWS (`deploy/promotion`), what is done is read
from there, and dr.yaml is edited or not.
"""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.again import command_again
from builder.cli.allowed import without_done
from builder.cli.command import global_options, pass_session
from builder.cli.options import allow_option, full_option, make_plan_request, plan_options, yes_option
from builder.cli.project import Project
from builder.cli.session import Session
from builder.errors import BadInput, BuilderError, ExitCode, Stopped, of_file

if TYPE_CHECKING:
    from builder.deploy import Deployment, PartialPlan, PlanRequest, Promotion
    from builder.terms import Region


@dataclass(frozen=True, slots=True)
class _Swap:
    """The two regions that change places, and what the files say before and after."""

    to: "Region"
    old: "Region"
    before: Project
    after: Project
    content: bytes
    """What dr.yaml is to say."""
    is_written: bool
    """Whether it says that by now."""


@click.command()
@click.argument("region", metavar="REGION")
@click.option("--undrained", is_flag=True, help="Go on though objects have not gone over to REGION yet.")
@yes_option
@allow_option
@full_option
@plan_options
@global_options
@pass_session
def promote(session: Session, *, region: str, undrained: bool, allow: Collection[str], **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Make the secondary REGION the primary: tables go from stack to stack, rules and roles are turned round.

    Looks how far replication is, shows the plan, asks, writes dr.yaml and templates/ as one change to commit, and
    executes it. With --skip-region of a primary that is lost, what hangs on it waits until it answers again.
    """
    from builder.deploy import Promotion

    to = _check_scope(session, region)
    under_way = _find_under_way(session, to)
    swap = _make_swap(session, to, under_way)
    if swap is None:
        session.console.say(f"{to} is the primary already, and no promotion is under way")
        return ExitCode.DONE
    is_forced = bool(session.options.skip_regions)
    deployment = swap.after.deployment(session.build(swap.after.assembly_made))
    if under_way is None and not is_forced:
        _check_drained(session, swap, undrained=undrained)
    at = session.console.now().isoformat(timespec="seconds")
    promotion = under_way or Promotion(deployment=deployment.name, to=to, came_from=swap.old, at=at)
    request = make_plan_request("deploy", {**typed, "remove_orphans": False}, swap.after.role_arn)
    made = _make_plan(session, deployment, replace(request, promotion=promotion))
    decided = replace(promotion, forced=promotion.forced or is_forced, postponed=_postponed(swap, made))
    return _execute(session, _Decision(swap, made, decided, is_resumed=under_way is not None), allow, typed)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a person is asked about."""

    swap: _Swap
    made: "PartialPlan"
    promotion: "Promotion"
    is_resumed: bool
    """Whether it was decided before, by a run that broke off."""


def _check_scope(session: Session, region: str) -> "Region":
    """Return the region. Raises BadInput where there is no dr.yaml to edit, and for more than one lost region."""
    from builder.components.available import name_fault
    from builder.terms import Region

    options = session.options
    if options.assembly is not None or options.project is not None:
        where = "--assembly" if options.assembly is not None else "--project"
        raise BadInput(where=where, what="a promotion is written into dr.yaml, and this says not to read one")
    if fault := name_fault(region):
        raise BadInput(where="REGION", what=fault)
    if len(options.skip_regions) > 1 or region in options.skip_regions:
        raise BadInput(
            where="--skip-region",
            what=f"leaves out {', '.join(options.skip_regions)}: the old primary alone can be left out of a promotion, "
            "since a table's replicas in all other regions have to answer",
        )
    if session.project.loaded.config.fleet is not None:
        raise BadInput(
            where=f"{options.config}: fleet",
            what="the same dr.yaml says the regions of a fleet's accounts, whose StackSets move no table",
            next_step="give the system a dr.yaml of its own",
        )
    return Region(region)


def _find_under_way(session: Session, to: "Region") -> "Promotion | None":
    """Return the promotion of this region that is under way; None where none is.

    Raises Stopped for another one, and, asking for the option by name, where the old primary does not answer.
    """
    from builder.deploy import check_credentials, check_same, deployment_name, observe_promotion
    from builder.terms import Site

    project, regions = session.project, session.project.loaded.config.regions
    seen = [region for region in regions.all if region not in session.options.skip_regions]
    name = deployment_name(project.loaded.config.project, project.suffix)
    hurried = session.clients.hurried()
    sites = (Site(None, to),)
    session.run(check_credentials(name, project.pinned_account, sites, hurried))
    under_way, unseen = session.run(observe_promotion(hurried, name, seen))
    check_same(under_way, to)
    for region, error in unseen.items():
        if region == to or len(unseen) > 1:
            raise error
        # Who is told by every call that something is wrong there is no better off than who is told nothing.
        raise Stopped(
            where=region,
            what=f"does not answer as it should, and was to hand over to {to}: {error.what}",
            next_step=f"python -m builder promote {to} --skip-region {region}    does what can be done without it; "
            "the rest waits until it answers again",
        )
    return under_way


def _make_swap(session: Session, to: "Region", under_way: "Promotion | None") -> _Swap | None:
    """Return what is to be written, where that can be rendered; None where nothing is to be promoted."""
    from builder.config.primary import with_primary

    options, project, where = session.options, session.project, str(session.options.config)
    raw, regions = _read(options.config), project.loaded.config.regions
    is_written = regions.primary == to
    old = regions.primary if not is_written else under_way.came_from if under_way else _find_old(session)
    if old is None:
        return None
    if under_way is not None and old != under_way.came_from:
        raise BadInput(
            where=f"{where}: regions",
            what=f"says {old} is the primary, and {to} takes the place of {under_way.came_from}",
            next_step="take the dr.yaml that the deployment was made from",
        )
    if set(options.skip_regions) - {old}:
        raise BadInput(where="--skip-region", what=f"only {old}, the old primary, can be left out of a promotion")
    content = raw if is_written else with_primary(raw, to, where)
    before = replace(project, content=with_primary(raw, old, where) if is_written else raw)
    after = replace(project, content=content)
    try:
        _ = after.assembly_made
    except BuilderError as error:
        what = f"with {to} as the primary it cannot be rendered: {error}"
        raise BadInput(where=where, what=what, next_step=error.next_step) from error
    return _Swap(to, old, before, after, content, is_written)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read") from error


def _find_old(session: Session) -> "Region | None":
    """Return the region that is the primary of this environment still, where dr.yaml was edited for another one.

    It is the one that has the stack of a table, or that is left out as lost; None where there is none.
    """
    from builder.deploy import find_old_primary
    from builder.terms import Region

    if session.options.skip_regions:
        return Region(session.options.skip_regions[0])
    deployment = replace(session.project, content=_read(session.options.config)).deployment_as_is
    return session.run(find_old_primary(session.clients, deployment))


def _check_drained(session: Session, swap: _Swap, *, undrained: bool) -> None:
    """Show how far replication is. Raises Stopped for a replica that is not well, and for objects on their way."""
    from builder.deploy.backfill.drained import observe_drained
    from builder.deploy.backfill.jobs import observe_sources
    from builder.report import promotion as report

    deployment, clients, console = swap.before.deployment_as_is, session.clients, session.console
    sources = session.run(observe_sources(deployment, clients, None))
    seen = session.run(observe_drained(deployment, sources, clients))
    checked = report.PromotionChecked(to=swap.to, came_from=swap.old, tables=seen.tables, pairs=seen.pairs)
    if session.options.json_events:
        console.result(report.event(checked, console.now()))
    console.say(report.checked_text(seen, swap.to))
    if seen.waiting and not undrained:
        pairs = ", ".join(f"{pair.component} from {pair.source} to {pair.destination}" for pair in seen.waiting)
        raise Stopped(
            where=deployment.name,
            what=f"objects have not gone over, and rules that are turned round bring none of them: {pairs}",
            next_step="python -m builder backfill    brings what no rule did, then the same again; or --undrained",
        )


def _make_plan(session: Session, deployment: "Deployment", request: "PlanRequest") -> "PartialPlan":
    """Return the plan, its progress shown while it is made; of what does not hang on a lost region, where one is."""
    from builder.deploy import PartialPlan, make_partial_plan, make_plan

    clients = session.clients
    with session.console.progress() as emit:
        if deployment.skipped:
            return session.run(make_partial_plan(deployment, clients, session.plan_id, emit, request))
        plan = session.run(make_plan(deployment, clients, session.plan_id(), emit, request))
        return PartialPlan(plan=plan, deployment=deployment, postponed=())


def _postponed(swap: _Swap, made: "PartialPlan") -> tuple[str, ...]:
    """Return what waits for the lost region: in it what was left out, with its tables' stacks, and what hangs on it."""
    from builder.deploy import imports_of

    if not made.deployment.skipped:
        return ()
    own = [stack.id for stack in made.deployment.left_out if stack.region == swap.old]
    before = [entry.id for entry in swap.before.assembly_made.manifest.stacks if entry.region == swap.old]
    imports = imports_of(made.plan) if made.plan is not None else ()
    return tuple(dict.fromkeys((*(waiting.stack for waiting in made.postponed), *sorted(imports), *own, *before)))


def _execute(session: Session, decision: _Decision, allow: Collection[str], typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show the plan, ask, write what was decided, execute it, and say how it stands."""
    from builder.cli.execution import execute, tell_promotion
    from builder.cli.plan import or_discard, tell_plan
    from builder.cli.scope import Execution
    from builder.cli.system import SYSTEM
    from builder.deploy import TrustedInput, sweep

    swap, made, promotion = decision.swap, decision.made, decision.promotion
    plan, deployment = made.plan, made.deployment
    with or_discard(session, plan) if plan is not None else nullcontext():
        if plan is not None:
            tell_plan(session, SYSTEM, plan, typed)
            is_asked = decision.is_resumed or not typed["yes"]
            allow = without_done(session, plan, deployment, allow, is_asked=is_asked)
        _ask(session, decision, allow, yes=typed["yes"])
    begin = partial(_begin, session, decision)
    if plan is None or plan.is_empty:
        session.run(begin())
    else:
        again = command_again(session.options, "promote", {**typed, "allow": allow}, swap.to)
        execution = Execution(
            trusted=TrustedInput(deployment=deployment, is_own=True),
            plan_file=SYSTEM.plan_file,
            allow=allow,
            again=f"{again}    goes on from what stands now",
            stop=False,
        )
        if (code := execute(session, plan, execution, promotion, begin)) is not ExitCode.DONE:
            return code
        session.run(sweep(deployment, plan, session.clients))
    is_done = tell_promotion(session, deployment, promotion)
    _tell_next(session, decision)
    return ExitCode.DONE if is_done or deployment.skipped else ExitCode.FAILED


def _changed_files(session: Session, swap: _Swap) -> tuple[str, ...]:
    """Return what is written or removed of the project's files, dr.yaml first."""
    from builder.assembly import find_changes

    templates = swap.after.templates
    changed = find_changes(templates, swap.after.assembly_made).paths
    own = [] if swap.is_written else [str(session.options.config)]
    return (*own, *(str(templates / path) for path in changed))


def _ask(session: Session, decision: _Decision, allow: Collection[str], *, yes: bool) -> None:
    """Say what is written and what waits, and ask. Raises Stopped for a guard, and where nobody says yes."""
    from builder.deploy import check_allowed, tell_allowed
    from builder.report.promotion import waiting_text
    from builder.report.text import postponed_text

    swap, promotion, plan = decision.swap, decision.promotion, decision.made.plan
    if files := _changed_files(session, swap):
        session.console.say("to be written, as one change to commit: " + ", ".join(files))
    if promotion.postponed:
        session.console.say(waiting_text(promotion))
    if plan is None and decision.made.postponed:
        session.console.say(postponed_text(decision.made.postponed))
    if plan is not None:
        allowed = check_allowed(plan.guards, plan.pending, allow)
        tell_allowed(allowed, session.console.tell)
    if not yes:
        session.console.ask(f"Make {swap.to} the primary in place of {swap.old}?")


async def _begin(session: Session, decision: _Decision) -> None:
    """Write what was decided: first in AWS, where every checkout sees it, then into dr.yaml and templates/.

    All of the plan was checked by then, and nothing of it is executed yet.
    """
    from builder.assembly import write_assembly
    from builder.cli.files import write_whole
    from builder.deploy import has_global_table, write_promotion
    from builder.report import promotion as report

    swap, promotion, console = decision.swap, decision.promotion, session.console
    files = _changed_files(session, swap)
    if has_global_table(decision.made.deployment):
        await write_promotion(session.clients, promotion)
    # dr.yaml first: where this breaks off, `render` makes the templates of it, and not those of before.
    if not swap.is_written:
        write_whole(session.options.config, swap.content)
    write_assembly(swap.after.templates, swap.after.assembly_made)
    start = report.PromotionBegun(
        to=swap.to, came_from=swap.old, forced=promotion.forced, postponed=promotion.postponed, files=files
    )
    if session.options.json_events:
        console.result(report.event(start, console.now()))
    console.say(report.begun_text(start, session.options.config.name))


def _tell_next(session: Session, decision: _Decision) -> None:
    """Say what is left to a person: the commit, the objects that no rule brings, a stack that has the table still."""
    from builder.assembly.components import one_way_replications
    from builder.deploy import unretained
    from builder.report.promotion import unretained_text

    swap, deployment, console = decision.swap, decision.made.deployment, session.console
    config = session.options.config
    console.warn(f"next:  commit {config.name} and {swap.after.templates.name}/ together: other checkouts are refused")
    ways = [way for way in one_way_replications(deployment.components) if way.source == swap.to]
    if ways and not deployment.skipped:
        names = ", ".join(dict.fromkeys(way.component for way in ways))
        console.warn(f"       python -m builder backfill    what was written to {swap.to} before, of {names}")
    if deployment.skipped and (stacks := unretained(deployment, decision.promotion)):
        console.say(unretained_text(decision.promotion, stacks))


COMMANDS = {"promote": promote}
