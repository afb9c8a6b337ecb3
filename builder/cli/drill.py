"""`drill`: what a bad day would cost, measured against what is deployed."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from builder.cli.command import global_options, pass_session
from builder.cli.files import check_folder, check_writable, write_private
from builder.cli.options import LONGEST_S, NumberRange, OptionDecorator
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Stopped
from builder.terms import Region

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from builder.aws import Clients
    from builder.cli.project import Project
    from builder.deploy import Deployment
    from builder.drill.context import DrillContext
    from builder.drill.findings import DrillProgress, Report
    from builder.drill.records import ProbeSpec
    from builder.drill.target import Function, Target
    from builder.drill.verdict import Objectives

# builder.drill.faults' own; a test holds them to it.
FAULTS = ("throttle", "flap", "errors", "table", "slow", "one-way", "fis", "manual")


def _seconds(names: tuple[str, ...], default: float, what: str) -> OptionDecorator[Any]:
    kind = NumberRange(0, LONGEST_S)
    return click.option(*names, type=kind, default=default, show_default=True, metavar="SECONDS", help=what)


def _part(kind: str, what: str) -> OptionDecorator[Any]:
    """An option of one kind of fault; None where it is not typed, which its default would hide."""
    return click.option(f"--{kind}-seconds", kind, type=NumberRange(0.1, LONGEST_S), metavar="SECONDS", help=what)


def _rate(name: str, default: float, what: str) -> OptionDecorator[Any]:
    return click.option(name, type=NumberRange(0.1, 500), default=default, show_default=True, metavar="N", help=what)


_PATIENCE = ("--patience", "patience_s")
_drills = click.option(
    "--drills",
    type=click.Path(path_type=Path),
    default=Path("drills"),
    show_default=True,
    metavar="DIR",
    help="Where each drill has a folder: its log, report.json and report.html.",
)
_components = click.option(
    "--component",
    "components",
    multiple=True,
    metavar="NAME",
    help="Which table, function or bucket, where there are several; more than once for one of each.",
)
_in_production = click.option(
    "--yes-in-production",
    is_flag=True,
    help="Drill an environment that dr.yaml marks as production, or of which no dr.yaml says that it is none.",
)


@click.group()
def drill() -> None:
    """Measure RPO, RTO and replication against what is deployed; exit 1 where an objective is missed."""


@drill.command()
@_seconds(("--seconds",), 60, "How long to write.")
@_rate("--rate", 5, "Items a second, in each direction.")
@_rate("--object-rate", 1, "Objects a second, into the primary's bucket.")
@_seconds(_PATIENCE, 120, "How long to wait for what has not arrived by then.")
@_components
@_drills
@_in_production
@global_options
@pass_session
def replication(
    session: Session, /, *, drills: Path, yes_in_production: bool, components: tuple[str, ...], **options: float
) -> ExitCode:
    """Write probes in each region, and measure how long they take to every other one."""
    from builder.drill.run import ReplicationOptions, drill_replication

    context = _context(session, drills, components, yes=yes_in_production)
    return _run(session, drill_replication(context, ReplicationOptions(**options)))


@drill.command()
@_rate("--rate", 10, "Writes a second.")
@_rate("--object-rate", 1, "Objects a second, where the primary's bucket is replicated.")
@_seconds(("--before", "before_s"), 20, "How long to write before the fault; half of it is to warm up.")
@_seconds(("--outage", "outage_s"), 30, "How long the fault stays.")
@_seconds(("--after", "after_s"), 15, "How long to write after it is undone.")
@_seconds(_PATIENCE, 120, "How long to wait for the regions to be equal again, and for people's fault.")
@click.option("--hold", is_flag=True, help="Clients stay in the secondary until the end, held there by an item.")
@click.option("--despite-alarms", is_flag=True, help="Begin though alarms of the secondary are in ALARM already.")
@click.option("--fault", type=click.Choice(FAULTS), help="What is done to the primary, as above.  [default: throttle]")
@click.option("--fis", "fault", flag_value="fis", help="Short for --fault fis.")
@click.option("--manual", "fault", flag_value="manual", help="Short for --fault manual.")
@_part("flap", "How long a flap takes the primary away, and then gives it back; 2 if nothing is said.")
@_part("slow", "How much longer a slow primary takes; 3 if nothing is said.")
@click.option("--to", metavar="REGION", help="The secondary that clients go over to; else the first of them.")
@_components
@_drills
@_in_production
@global_options
@pass_session
def failover(  # noqa: PLR0913 - an option each
    session: Session,
    /,
    *,
    drills: Path,
    yes_in_production: bool,
    components: tuple[str, ...],
    fault: str | None,
    flap: float | None,
    slow: float | None,
    to: str | None,
    **options: Any,  # noqa: ANN401 - as click has them
) -> ExitCode:
    """Hurt the primary under load, and measure what that costs; the fault is undone whatever happens.

    \b
    throttle  its function may not run (reserved concurrency 0): 429
    flap      the same for a while, and back for a while, in turns
    errors    its function has a handler that is not there: 502
    table     its function runs, and its role is denied the table
    slow      each request takes longer; on the embedded AWS only
    one-way   nothing replicates out of it, then throttle; on the embedded AWS only
    fis       AWS pauses replication until it is 5 s behind, then throttle
    manual    people make the fault and undo it, when asked to
    """
    from builder.drill.faults import FLAPS_S, find_fault
    from builder.drill.run import FailoverOptions, drill_failover

    if fault == "flap":
        _check_turns(flap or FLAPS_S, options["outage_s"])
    make = find_fault(fault or "throttle", **_parts(fault, flap=flap, slow=slow))
    context = _context(session, drills, components, yes=yes_in_production, to=to)
    return _run(session, drill_failover(context, FailoverOptions(**options), make))


@drill.command()
@_components
@_drills
@global_options
@pass_session
def restore(session: Session, /, *, drills: Path, components: tuple[str, ...]) -> ExitCode:
    """Undo what a drill changed that was killed, which takes the primary alone, and delete the probes that it left."""
    from builder.drill.context import delete_probes, undo_faults
    from builder.drill.target import Access

    async def work() -> bool:
        deployment, clients = _drilled(session.project, session.project.deployment_as_is, components), session.clients
        primary = await _primary(session, deployment)
        undone = await undo_faults(primary, clients, partial(_emit, session))
        find = partial(_target, session, deployment, clients.hurried())
        access = Access(session.options.endpoint, clients.credentials())
        emit = partial(_emit, session)
        return await delete_probes(deployment.name, find, clients, drills, emit, access=access) or undone

    if not session.run(work()):
        session.console.say("no drill has left anything here")
    return ExitCode.DONE


@drill.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("drills"), metavar="[DIR]")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page too, with a picture of each number's trend.",
)
@global_options
@pass_session
def history(session: Session, /, *, folder: Path, html: Path | None) -> ExitCode:
    """Compare all drills below DIR (drills/), the oldest first: each number's trend, and what changed in between.

    It reads files alone. Reports of version 1 are listed outside of the trends, and what is no report is told.
    """
    from builder.drill.history import read_history
    from builder.report import drill_history

    check_writable({"--html": html})
    drills = read_history(folder)
    if session.options.json_events:
        session.console.result(drill_history.history_event(drills, session.console.now()))
    else:
        session.console.say(drill_history.history_text(drills, get_terminal_size().columns))
    if html is not None:
        beside = PurePath(os.path.relpath(folder.resolve(), html.resolve().parent))
        write_private(html, drill_history.history_page(drills, beside).encode(), "--html")
    return ExitCode.DONE


def _parts(fault: str | None, **seconds_by_kind: float | None) -> dict[str, float]:
    """Return the seconds that belong to the kind of fault. Raises BadInput for seconds of another kind."""
    for kind, seconds in seconds_by_kind.items():
        if seconds is not None and kind != fault:
            raise BadInput(where=f"--{kind}-seconds", what=f"is of --fault {kind}, and this is {fault or 'throttle'}")
    return {f"{kind}_s": seconds for kind, seconds in seconds_by_kind.items() if seconds is not None}


def _check_turns(flap_s: float, outage_s: float) -> None:
    """Raise BadInput where a flap would not give the primary back within the outage: it would be none."""
    if outage_s <= flap_s:
        what = f"is no longer than a flap takes the primary away, {flap_s:g} s: it would not come back in between"
        raise BadInput(
            where=f"--outage {outage_s:g}", what=what, next_step="--flap-seconds SECONDS    of less than --outage"
        )


def _drilled(project: "Project", deployment: "Deployment", components: tuple[str, ...]) -> "Deployment":
    """Return the deployment with those components alone that are drilled, as the command line says or else dr.yaml."""
    from builder.assembly.components import choose

    where = "--component"
    if not components and project.config:
        where, components = "drill.components", project.config.drill.components
    return replace(deployment, components=choose(deployment.components, components, where))


def _context(
    session: Session, drills: Path, components: tuple[str, ...], *, yes: bool, to: str | None = None
) -> "DrillContext":
    from builder.drill.context import DrillContext
    from builder.drill.target import Access

    check_folder("--drills", drills)
    _check_production(session, yes=yes)
    name = session.plan_id().id
    deployment = _drilled(session.project, session.deployment, components)
    probe = _probe(session.project, deployment)
    target = session.run(_target(session, deployment, session.clients))
    folder = drills / name
    return DrillContext(
        drill=name,
        target=target if to is None else target.towards(Region(to)),
        environment=session.project.suffix,
        assembly=session.deployment.digest,
        objectives=_objectives(session.project),
        clients=session.clients,
        access=Access(session.options.endpoint, session.clients.credentials()),
        probe=probe,
        folder=folder,
        now=session.console.now,
        emit=partial(_emit, session),
        keep=partial(_keep, session, folder),
    )


def _objectives(project: "Project") -> "Objectives":
    """Return what dr.yaml promises; nothing where there is none."""
    from builder.drill.verdict import Objectives

    return Objectives(**project.config.objectives.model_dump()) if project.config else Objectives()


def _probe(project: "Project", deployment: "Deployment") -> "ProbeSpec":
    """Return by what dr.yaml has probes kept; by the handlers of this project where there is none.

    Raises BadInput where the handlers could not keep any: the table has another key than theirs.
    """
    from builder.assembly.components import one_of_each
    from builder.drill.records import Paths

    spec = project.config.drill.probe if project.config else "handler"
    if not isinstance(spec, str):
        return Paths(**spec.model_dump())
    drilled = one_of_each(deployment.components, deployment.name).table
    names = [name for name, component in deployment.components.items() if drilled and component.table == drilled]
    tables = project.config.tables_by_name if project.config else {}
    other = next((tables[name].key for name in names if name in tables and not tables[name].has_handlers_key), None)
    if spec == "handler" and other is not None:
        key = ", ".join(f"{name}: {kind}" for name, kind in other.items())
        raise BadInput(
            where="drill.probe",
            what=f"is handler, which keeps items under id: S, and the key of {names[0]} is {key}",
            next_step="drill: {probe: table} in dr.yaml    has probes of any key; or name the application's own paths",
        )
    return spec


def _check_production(session: Session, *, yes: bool) -> None:
    """Raise Stopped where people may depend on the environment, unless that was agreed to."""
    where, what = f"environments.{session.project.suffix}", "is marked as production"
    if session.project.is_production is None:
        where, what = str(session.options.config), "is not there to say whether this is production"
        session.console.warn(f"{where}: is not there; without objectives no time is judged")
    if session.project.is_production is not False and not yes:
        raise Stopped(
            where=where,
            what=f"{what}, and a drill writes to it or takes its primary away",
            next_step="--yes-in-production    drills it all the same",
        )


async def _target(session: Session, deployment: "Deployment", clients: "Clients") -> "Target":
    """Return what is drilled. Raises BadInput where it is in another account than dr.yaml pins."""
    from builder.deploy import check_account, observe_system
    from builder.drill.target import observe_target

    if session.options.skip_regions:
        raise BadInput(where="--skip-region", what="a drill needs every region")
    await session.check_credentials(deployment, clients)
    target = await observe_target(await observe_system(deployment, clients), clients)
    check_account(deployment.name, session.project.pinned_account, target.account)
    return target


async def _primary(session: Session, deployment: "Deployment") -> "Function":
    """Return the primary's function. Raises BadInput where it is in another account than dr.yaml pins."""
    from builder.aws import observe_account
    from builder.deploy import check_account, observe_system
    from builder.drill.target import observe_primary

    await session.check_credentials(deployment)
    system = await observe_system(deployment, session.clients, only_primary=True)
    primary = await observe_primary(system, session.clients)
    check_account(
        deployment.name, session.project.pinned_account, await observe_account(session.clients, primary.region)
    )
    return primary


def _run(session: Session, work: "Coroutine[Any, Any, Report]") -> ExitCode:
    """Run a drill. What it leaves behind when it is interrupted, if anything, it raises as an error."""
    from builder.drill.note import RESTORE

    try:
        report = session.run(work, state=f"a fault and probes may be there still; {RESTORE} undoes and deletes them")
    except KeyboardInterrupt:
        session.console.warn("interrupted: the fault, if there was one, is undone, and the probes are gone")
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if report.holds else ExitCode.FAILED


def _keep(session: Session, folder: Path, report: "Report") -> None:
    """Write a drill's report and show it."""
    from builder.drill.findings import DrillEnded
    from builder.report import drill_page, drill_text, schema

    file = folder / "report.json"
    file.write_bytes(schema.report_as_json(report))
    page = file.with_suffix(".html")
    page.write_text(drill_page.drill_page(report), encoding="utf-8")
    session.console.say(drill_text.report_text(report))
    _emit(session, DrillEnded(report.about.drill, report.verdict, report.checks, str(page)))


def _emit(session: Session, event: "DrillProgress") -> None:
    from builder.report import as_json, drill_text

    if session.options.json_events:
        session.console.result(as_json.event(event, session.console.now()))
    else:
        session.console.say(f"{session.console.now():%H:%M:%S}  {drill_text.drill_event_words(event)}")


COMMANDS = {"drill": drill}
