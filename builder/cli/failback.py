"""`failback`: clients that a hold keeps in the secondary are let go back, or held elsewhere, by decision."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from builder.cli.allowed import keep_hits
from builder.cli.command import global_options, pass_session
from builder.cli.options import LONGEST_S, NumberRange, yes_option
from builder.cli.session import Session
from builder.errors import ExitCode, Stopped
from builder.terms import Region

if TYPE_CHECKING:
    from builder.failback.failback import ClientsWhereabouts, FailbackContext, FailbackOptions
    from builder.failback.records import FailbackFindings, FailbackProgress

_LEFT = "the hold may be the one or the other: python -m builder failback --check    shows it in each region"
_CHANGED_NOTHING = "nothing was changed"


@click.command()
@click.option("--check", is_flag=True, help="Only look; exit code 3 where something would be lost.")
@click.option("--hold", metavar="REGION", help="Hold clients in this region, instead of letting them go back.")
@click.option("--from", "source", metavar="REGION", help="Where clients are; else where they are held.")
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Compare N items of each table and region, not all."
)
@click.option("--no-objects", is_flag=True, help="Do not compare buckets: for very many objects.")
@click.option("--component", metavar="NAME", help="The function by which clients come, where there are several.")
@click.option(
    "--target",
    default="/items/failover-hold",
    show_default=True,
    metavar="PATH",
    help="Of the hold, as clients have it.",
)
@click.option(
    "--patience",
    "patience_s",
    type=NumberRange(0, LONGEST_S),
    default=15,
    show_default=True,
    metavar="SECONDS",
    help="How long what is on its way may take.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="NAME",
    help="Let clients go though this component's data would be lost, or this region is not well; repeatable.",
)
@yes_option
@global_options
@pass_session
def failback(
    session: Session,
    /,
    *,
    check: bool,
    no_objects: bool,
    allow: tuple[str, ...],
    yes: bool,
    **typed: Any,  # noqa: ANN401 - as click has them
) -> ExitCode:
    """Compare the region that clients are in with the one that they would go to, ask, and let them go.

    For clients with a hold (docs/client.md), on the day after a failover. What would be lost by going now is listed;
    --yes does not answer for that. With --hold REGION clients are moved to another region in the same way.
    """
    from builder.failback.failback import FailbackOptions

    source, hold = (Region(typed[name]) if typed[name] else None for name in ("source", "hold"))
    options = FailbackOptions(
        target=typed["target"],
        component=typed["component"],
        source=source,
        hold=hold,
        sample=typed["sample"],
        with_objects=not no_objects,
        patience_s=typed["patience_s"],
    )
    context = _context(session)
    try:
        whereabouts = _find(session, context, options)
        if not check and (done := _nothing_to_decide(session, context, options, whereabouts)) is not None:
            return done
        seen = _compare(session, context, options, whereabouts)
    except KeyboardInterrupt:
        session.console.warn(_CHANGED_NOTHING)
        return ExitCode.INTERRUPTED
    if check:
        return _checked(seen)
    is_forced = _guard(session, seen, allow)
    if not yes:
        session.console.ask(_question(whereabouts, hold))
    return _let_go(session, context, options, whereabouts, is_forced=is_forced)


def _question(whereabouts: "ClientsWhereabouts", hold: Region | None) -> str:
    if hold is not None:
        return f"Hold clients in {hold}?"
    if whereabouts.way.target == whereabouts.view.primary:
        return f"Let clients go back to {whereabouts.way.target}?"
    return f"Let clients go that are held in {whereabouts.held}? Those that prefer {whereabouts.way.target} go there"


def _context(session: Session) -> "FailbackContext":
    from builder.failback.failback import FailbackContext

    return FailbackContext(
        deployment=session.project.deployment_as_is,
        clients=session.clients,
        endpoint=session.options.endpoint,
        now=session.console.now,
        emit=_teller(session),
    )


def _teller(session: Session) -> "Callable[[FailbackProgress], None]":
    from builder.report.failback import event, progress_text

    def emit(progress: "FailbackProgress") -> None:
        if session.options.json_events:
            session.console.result(event(progress, session.console.now()))
        elif (line := progress_text(progress)) is not None:
            session.console.say(line)

    return emit


def _find(session: Session, context: "FailbackContext", options: "FailbackOptions") -> "ClientsWhereabouts":
    """Return where clients are, and say so."""
    from builder.failback.failback import observe_whereabouts
    from builder.report.failback import whereabouts_text

    session.run(session.check_credentials(context.deployment), state=_CHANGED_NOTHING)
    whereabouts = session.run(observe_whereabouts(context, options), state=_CHANGED_NOTHING)
    session.console.say(
        whereabouts_text(whereabouts.view.deployment, whereabouts.way, whereabouts.held, whereabouts.holds)
    )
    return whereabouts


def _nothing_to_decide(
    session: Session, context: "FailbackContext", options: "FailbackOptions", whereabouts: "ClientsWhereabouts"
) -> ExitCode | None:
    """Return how it ends where clients are where they are to be, and nothing is left to do but to await it."""
    if options.hold is not None:
        if whereabouts.held != options.hold or any(hold.held != options.hold for hold in whereabouts.holds):
            return None
        session.console.say(f"clients are held in {options.hold} already")
        return ExitCode.DONE
    if whereabouts.held is not None:
        return None
    if whereabouts.is_released:
        session.console.say(
            f"nothing holds clients: those that have a hold are in {whereabouts.view.primary}, or on their way;"
            " --check compares the regions all the same"
        )
        return ExitCode.DONE
    # Released before, and not in every region's view yet.
    return _let_go(session, context, options, whereabouts)


def _compare(
    session: Session, context: "FailbackContext", options: "FailbackOptions", whereabouts: "ClientsWhereabouts"
) -> "FailbackFindings":
    from builder.failback.failback import observe_failback
    from builder.report.failback import findings_text, looked_event

    seen = session.run(observe_failback(context, options, whereabouts), state=_CHANGED_NOTHING)
    session.console.say(findings_text(seen, session.console.now()))
    if session.options.json_events:
        session.console.result(looked_event(seen, session.console.now()))
    return seen


def _checked(seen: "FailbackFindings") -> ExitCode:
    """Return what a look alone comes to. Raises Stopped where a region is not well, and nothing else is known."""
    if seen.losses:
        return ExitCode.CHANGES_FOUND
    if seen.problems:
        problems = "\n  ".join(f"{problem.region}: {problem.what}" for problem in seen.problems)
        raise Stopped(
            where="not well",
            what=f"clients are not to be sent to {seen.way.target} yet\n  {problems}",
            next_step="python -m builder status",
        )
    return ExitCode.DONE


def _guard(session: Session, seen: "FailbackFindings", allow: Collection[str]) -> bool:
    """Return whether something would be lost, all of it allowed by name.

    What would not be lost any more may be named all the same. Raises Stopped where something is not allowed, BadInput
    for the name of no component and no region.
    """
    from builder.deploy import check_allowed, tell_allowed
    from builder.deploy.plan.done_before import KnownNames
    from builder.deploy.records import GuardHit

    deployment = session.project.deployment_as_is
    hits = [
        GuardHit(stack=loss.name, logical_id="", why=loss.why, allow=loss.name) for loss in (*seen.losses, *seen.unwell)
    ]
    known = KnownNames(plain=frozenset({*deployment.components, *deployment.regions, *deployment.skipped}))
    allow = keep_hits(session, allow, [hit.allow for hit in hits], known)
    tell_allowed(check_allowed(hits, (), allow), session.console.tell)
    return bool(hits)


def _let_go(
    session: Session,
    context: "FailbackContext",
    options: "FailbackOptions",
    whereabouts: "ClientsWhereabouts",
    *,
    is_forced: bool = False,
) -> ExitCode:
    from builder.failback.failback import let_go

    try:
        session.run(let_go(context, options, whereabouts, is_forced=is_forced), state=_LEFT)
    except KeyboardInterrupt:
        session.console.warn(_LEFT)
        return ExitCode.INTERRUPTED
    where = options.hold or (
        whereabouts.view.primary if whereabouts.held != whereabouts.view.primary else "the region that they prefer"
    )
    session.console.say(f"clients go to {where} as soon as they read that, within seconds")
    return ExitCode.DONE


COMMANDS = {"failback": failback}
