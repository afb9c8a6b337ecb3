"""`status`, `drift`, `outputs`: how the system stands in its regions, and its fleet in its accounts."""

import json
from typing import TYPE_CHECKING, Any

import click

from builder.cli.command import global_options, pass_session
from builder.cli.options import LONGEST_S, NumberRange, choice_options
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Failed, Several, Stopped

if TYPE_CHECKING:
    from builder.aws import Clients
    from builder.deploy import Deployment
    from builder.report.promotion import PromotionSeen
    from builder.state import Status


@click.command()
@click.option("--watch", type=NumberRange(1, LONGEST_S), metavar="SECONDS", help="Look again and again, until Ctrl-C.")
@global_options
@pass_session
def status(session: Session, *, watch: float | None) -> ExitCode:
    """Show stacks, tables, buckets, functions and URLs of all regions; a region may be down.

    Exit code 1 where none of them could be looked at.
    """
    import asyncio

    from builder.state import ObserveOptions, observe_sites

    session.warn_stale()
    clients, deployment = session.clients.hurried(), session.project.deployed

    async def observe() -> "Status":
        while True:
            asking = ObserveOptions(clients=clients, now=session.console.now(), endpoint=session.options.endpoint)
            _, promotion, seen = await asyncio.gather(
                session.check_credentials(deployment, clients),
                _find_promotion(session, deployment, clients),
                observe_sites(deployment, asking),
            )
            _show(session, seen, promotion, cleared=watch is not None)
            if watch is None:
                return seen
            await asyncio.sleep(watch)

    if session.run(observe()).is_seen:
        return ExitCode.DONE
    raise Failed(where=deployment.name, what="nothing of it was seen: no region could be looked at")


async def _find_promotion(session: Session, deployment: "Deployment", clients: "Clients") -> "PromotionSeen | None":
    """Return the promotion that is under way, as far as the regions that answer tell it; None where none is.

    Warns where it cannot be known, and goes on.
    """
    from builder.deploy import has_global_table, observe_promotion, regions_of_record, unretained
    from builder.report.promotion import PromotionSeen

    if not has_global_table(deployment):
        return None
    try:
        promotion, _ = await observe_promotion(clients, deployment.name, regions_of_record(deployment))
    except (Stopped, Several) as error:
        session.console.warn(f"warning: {error}")
        return None
    if promotion is None:
        return None
    return PromotionSeen(promotion=promotion, unretained=unretained(deployment, promotion) if promotion.forced else ())


def _show(session: Session, seen: "Status", promotion: "PromotionSeen | None", *, cleared: bool) -> None:
    from builder.components.available import lifecycles
    from builder.report.promotion import under_way_text
    from builder.report.state import status_event, status_text

    at, runtime_ends = session.console.now(), {name: life.deprecated for name, life in lifecycles().items()}
    if session.options.json_events:
        session.console.result(status_event(seen, runtime_ends, at, promotion))
        return
    session.console.say(status_text(seen, runtime_ends, at), cleared=cleared)
    if promotion is not None:
        session.console.say("")
        session.console.say(under_way_text(promotion))


@click.command("status")
@choice_options
@click.option("--failed", is_flag=True, help="Only what is not as it should be.")
@global_options
@pass_session
def fleet_status(session: Session, *, failed: bool, as_csv: bool, **only: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show the sum of all stacks, then each that is not as it should be; exit 3 if there is one.

    An account that is suspended or closed is told and counts for nothing: StackSets pass it over.
    """
    from builder.cli.fleet import find_fleet, tell_unreachable
    from builder.fleet import RowFilter, choose, observe_status
    from builder.report import fleet as report
    from builder.terms import Site

    sets = find_fleet(session).sets
    every = session.run(observe_status(sets, session.clients, RowFilter(**only)))
    rows = choose(every, RowFilter(failed=failed))
    if as_csv:
        session.console.result(report.fleet_status_csv(rows).removesuffix("\n"))
    elif session.options.json_events:
        session.console.result(report.fleet_status_json(rows))
    else:
        session.console.say(report.fleet_status_text(rows, len(every) if failed else None))
    tell_unreachable(session, ((Site(row.account, row.region), row.reason) for row in rows if row.is_wrong))
    return ExitCode.CHANGES_FOUND if any(row.is_wrong for row in rows) else ExitCode.DONE


@click.command()
@global_options
@pass_session
def drift(session: Session) -> ExitCode:
    """Detect drift in all regions, and compare the regions with one another.

    Exit code 3 where anything differs, 1 where something could not be looked at, or nothing is deployed.
    """
    from builder.deploy import not_deployed
    from builder.report.state import drift_event, drift_text
    from builder.state import find_differences

    deployment = session.project.deployment
    session.run(session.check_credentials(deployment))
    differences = session.run(find_differences(deployment, session.clients))
    if session.options.json_events:
        session.console.result(drift_event(differences, session.console.now()))
    else:
        session.console.say(drift_text(differences))
    if not differences.is_deployed:
        raise not_deployed(deployment.name)
    if differences.disparities or any(
        stack.status in {"ABSENT", "DRIFTED", "NOT_OURS_YET"} for stack in differences.stacks
    ):
        return ExitCode.CHANGES_FOUND
    return (
        ExitCode.FAILED if differences.silent or any(stack.problem for stack in differences.stacks) else ExitCode.DONE
    )


@click.command("drift")
@global_options
@pass_session
def fleet_drift(session: Session) -> ExitCode:
    """Detect drift of every stack in every account, by one operation of each StackSet; changes nothing.

    Exit code 3 where anything drifted, 1 where something could not be looked at, or nothing is deployed.
    """
    from builder.cli.fleet import find_fleet, nothing_stands
    from builder.fleet import detect_drift
    from builder.report import as_json
    from builder.report.fleet import fleet_drift_text

    sets = find_fleet(session).sets
    if not sets:
        raise Failed(where=session.project.fleet_name, what=nothing_stands(session.project))
    with session.console.progress() as emit:
        drifts = session.run(detect_drift(sets, session.clients, session.plan_id().id, emit))
    if session.options.json_events:
        session.console.result(as_json.fleet_drift_seen(drifts, session.console.now()))
    session.console.say(fleet_drift_text(drifts))
    if any(seen.drifted for seen in drifts):
        return ExitCode.CHANGES_FOUND
    return ExitCode.FAILED if any(seen.unseen or seen.problem for seen in drifts) else ExitCode.DONE


@click.command()
@click.argument("name", required=False)
@global_options
@pass_session
def outputs(session: Session, *, name: str | None) -> ExitCode:
    """Show the outputs; with a NAME its bare value.

    One under a condition that is false is said to be absent, which is no failure; where one is missing the exit code
    is 1, after all the others.
    """
    from builder.cli.system import observe_outputs, outputs_text

    session.warn_stale()
    if name is not None:
        known = session.project.deployed.outputs
        if name not in known:
            raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
        session.console.result(observe_outputs(session).value(name))
        return ExitCode.DONE
    observed = observe_outputs(session)
    if session.options.json_events:
        session.console.result(json.dumps({**observed.values, **dict.fromkeys(observed.absent)}))
    else:
        session.console.say(outputs_text(observed))
    observed.check()
    return ExitCode.DONE


@click.command("outputs")
@choice_options
@click.option("--role", metavar="NAME", help="The role to assume in each account; else the fleet's execution role.")
@global_options
@pass_session
def fleet_outputs(session: Session, *, as_csv: bool, role: str | None, **only: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Show the outputs of the stacks; only accounts that are asked for are called. Exit 1 where one does not answer."""
    from builder.cli.fleet import find_fleet
    from builder.fleet import RowFilter, observe_fleet_outputs
    from builder.report import fleet as report

    sets = find_fleet(session).sets
    observed = session.run(observe_fleet_outputs(sets, session.clients, RowFilter(**only), role))
    if as_csv:
        session.console.result(report.fleet_outputs_csv(observed).removesuffix("\n"))
    elif session.options.json_events:
        session.console.result(report.fleet_outputs_json(observed))
    else:
        session.console.say(report.fleet_outputs_text(observed))
    for failure in observed.failures if as_csv or session.options.json_events else ():
        session.console.warn(f"{failure.site.account} {failure.site.region}: {failure.reason}")
    return ExitCode.FAILED if observed.failures else ExitCode.DONE


COMMANDS = {
    "status": status,
    "fleet status": fleet_status,
    "drift": drift,
    "fleet drift": fleet_drift,
    "outputs": outputs,
    "fleet outputs": fleet_outputs,
}
