"""`drill`: what a bad day would cost, measured against what is deployed."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode, Stopped

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from builder.drill.findings import Report
    from builder.drill.progress import DrillProgress
    from builder.drill.run import Ground
    from builder.drill.target import Target

F = TypeVar("F", bound=Callable[..., Any])


def _seconds(name: str, default: float, what: str) -> Callable[[F], F]:
    kind = click.FloatRange(0)
    return click.option(name, type=kind, default=default, show_default=True, metavar="SECONDS", help=what)


def _rate(name: str, default: float, what: str) -> Callable[[F], F]:
    kind = click.FloatRange(0.1, 500)
    return click.option(name, type=kind, default=default, show_default=True, metavar="N", help=what)


_drills = click.option(
    "--drills",
    type=click.Path(path_type=Path),
    default=Path("drills"),
    show_default=True,
    metavar="DIR",
    help="Where each drill has a folder: its log, report.json and report.html.",
)
_in_production = click.option(
    "--yes-in-production", is_flag=True, help="Drill an environment that dr.yaml marks as production."
)


@click.group()
def drill() -> None:
    """Measure RPO, RTO and replication against what is deployed; exit 1 where an objective is missed."""


@drill.command()
@_seconds("--seconds", 60, "How long to write.")
@_rate("--rate", 5, "Items a second, in each direction.")
@_rate("--object-rate", 1, "Objects a second, into the primary's bucket.")
@_seconds("--patience", 120, "How long to wait for what has not arrived by then.")
@_drills
@_in_production
@global_options
@click.pass_obj
def replication(wiring: Wiring, /, *, drills: Path, yes_in_production: bool, **said: float) -> ExitCode:
    """Write probes in each region, and measure how long they take to the other."""
    from builder.drill.replication import Course, drill_replication

    course = Course(
        rate=said["rate"],
        object_rate=said["object_rate"],
        seconds=said["seconds"],
        patience_s=said["patience"],
    )
    ground = _ground(wiring, drills, yes=yes_in_production)
    return _tell(wiring, ground, drill_replication(ground, course))


@drill.command()
@_rate("--rate", 10, "Writes a second.")
@_seconds("--before", 10, "How long to write before the fault.")
@_seconds("--outage", 30, "How long the fault stays.")
@_seconds("--after", 15, "How long to write after it is undone.")
@_seconds("--patience", 120, "How long to wait for the regions to be equal again, and for people's fault.")
@click.option("--fis", "fault", flag_value="fis", help="Replication is paused by FIS first, for 5 s.")
@click.option("--manual", "fault", flag_value="manual", help="People make the fault and undo it, when asked to.")
@_drills
@_in_production
@global_options
@click.pass_obj
def failover(wiring: Wiring, /, *, drills: Path, yes_in_production: bool, fault: str | None, **said: float) -> ExitCode:
    """Take the primary's function away under load, and measure what that costs; it is given back whatever happens."""
    from builder.drill.failover import Course, drill_failover
    from builder.drill.faults import FAULTS

    course = Course(
        rate=said["rate"],
        before_s=said["before"],
        outage_s=said["outage"],
        after_s=said["after"],
        patience_s=said["patience"],
    )
    ground = _ground(wiring, drills, yes=yes_in_production)
    return _tell(wiring, ground, drill_failover(ground, course, FAULTS[fault or "concurrency"]))


@drill.command()
@_drills
@global_options
@click.pass_obj
def restore(wiring: Wiring, /, *, drills: Path) -> ExitCode:
    """Undo what a drill changed that was killed, and delete the probes that it left."""
    from builder.drill.restore import restore as put_back

    restored = wiring.run(put_back(_target(wiring), wiring.clients, drills, lambda event: _emit(wiring, event)))
    if not restored:
        wiring.console.say("no drill has left anything here")
    return ExitCode.DONE


def _ground(wiring: Wiring, drills: Path, *, yes: bool) -> "Ground":
    from builder.drill.run import Ground
    from builder.drill.writers import Access

    if wiring.is_production and not yes:
        raise Stopped(
            where=f"environments.{wiring.suffix}",
            what="is marked as production, and a drill writes to it or takes its primary away",
            next_step="--yes-in-production    drills it all the same",
        )
    name = wiring.seal().id
    return Ground(
        drill=name,
        target=_target(wiring),
        environment=wiring.suffix,
        assembly=wiring.deployment.digest,
        objectives=wiring.objectives,
        clients=wiring.clients,
        access=Access(wiring.environment.get("AWS_ENDPOINT_URL"), wiring.clients.credentials()),
        folder=drills / name,
        now=wiring.console.now,
        emit=lambda event: _emit(wiring, event),
    )


def _target(wiring: Wiring) -> "Target":
    from builder.deploy import observe_outputs
    from builder.drill.target import observe_target

    if wiring.skip_regions:
        raise BadInput(where="--skip-region", what="a drill needs both regions")
    deployment = wiring.deployment
    outputs = wiring.run(observe_outputs(deployment, wiring.clients))
    services = {name: deployment.places[stack] for name, (stack, _) in deployment.outputs.items()}
    return wiring.run(observe_target(deployment.name, outputs, services, wiring.clients))


def _tell(wiring: Wiring, ground: "Ground", work: "Coroutine[Any, Any, Report]") -> ExitCode:
    """Run a drill, write its report and show it."""
    from builder.drill.progress import DrillEnded
    from builder.report import drill_json, drill_page, drill_text

    try:
        found = wiring.run(work)
    except KeyboardInterrupt:
        wiring.console.warn("interrupted: the fault, if there was one, is undone, and the probes are gone")
        return ExitCode.INTERRUPTED
    report = ground.folder / "report.json"
    report.write_bytes(drill_json.report(found))
    page = report.with_suffix(".html")
    page.write_text(drill_page.page(found), encoding="utf-8")
    wiring.console.say(drill_text.report(found))
    _emit(wiring, DrillEnded(ground.drill, found.holds, found.checks, str(page)))
    return ExitCode.DONE if found.holds else ExitCode.FAILED


def _emit(wiring: Wiring, event: "DrillProgress") -> None:
    from builder.report import as_json, drill_text

    if wiring.json_events:
        wiring.console.result(as_json.event(event, wiring.console.now()))
    else:
        wiring.console.say(f"{wiring.console.now():%H:%M:%S}  {drill_text.in_words(event)}")
