"""The fleet: the system in many accounts by StackSets, which one stack holds; and how its verbs find what is deployed.

A fleet is found by its tag in every region, so that takes no assembly, and no more of dr.yaml than the project's name.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from builder.aws import observe_account
from builder.cli.again import command_again
from builder.cli.options import Options
from builder.cli.project import Project
from builder.cli.scope import Execution, FoundDeployment, Scope, StateReport, TypedOptions
from builder.cli.session import Session
from builder.deploy import (
    Deployment,
    FoundStacks,
    PlanOptions,
    PlanRequest,
    Removal,
    StackContents,
    TrustedInput,
    Unreachable,
    check_account,
    find_deployed,
    find_deployment,
)
from builder.deploy.plan.done_before import StackNames
from builder.errors import ExitCode, Failed
from builder.fleet import (
    FleetEmit,
    FleetEnd,
    FleetPlan,
    FleetRemoval,
    RowFilter,
    StackSet,
    choose,
    delete_fleet,
    detect_drift,
    execute_fleet,
    failures_of,
    find_unreachable,
    fleet_exit_code,
    make_fleet_plan,
    observe_fleet_outputs,
    observe_sets,
    observe_status,
    read_fleet_plan,
    stop_operations,
    unrolled_stacks,
    without_instances,
    write_fleet_plan,
)
from builder.fleet.records import Holding, SetPlan
from builder.fleet.sets import pseudo_parameters, read_definitions
from builder.report import as_json
from builder.report import fleet as report
from builder.report.fleet_plan import fleet_plan_text, make_pages
from builder.template import read_template
from builder.terms import Site, StackId


async def _make_plan(
    session: Session, deployment: Deployment, request: PlanRequest, emit: FleetEmit, typed: TypedOptions
) -> FleetPlan:
    clients, plan_id = session.clients, session.plan_id()
    return await make_fleet_plan(
        deployment, clients, plan_id, emit, request, all_overrides=typed["overrides"], role=typed["role"]
    )


def _trusted(session: Session, options: PlanOptions) -> TrustedInput:
    """Return what a saved plan of the fleet has to follow from."""
    project = session.project
    deployment = project.fleet_as_is(session.build(project.fleet_assembly_as_is))
    return TrustedInput(deployment=deployment, options=replace(options, unrolled=unrolled_stacks(deployment)))


def _execute(session: Session, plan: FleetPlan, execution: Execution) -> ExitCode:
    """Execute a plan and tell how it ended. Ctrl-C leaves what runs, unless it is to be stopped."""
    allow, in_detail = execution.allow, session.console.in_detail
    try:
        with session.console.progress() as emit:
            work = execute_fleet(plan, execution.trusted, session.clients, emit, allow=allow, in_detail=in_detail)
            end = session.run(work)
    except KeyboardInterrupt:
        if execution.stop:
            sites = tuple(dict.fromkeys(planned.stack_set.site for planned in plan.sets))
            stop_fleet(session, session.run(find_deployed(plan.ordinary.deployment, sites, session.clients)))
        else:
            stop = command_again(session.options, "fleet stop", {})
            session.console.warn(f"the StackSets go on by themselves: {stop}    stops them")
        raise
    return tell_end(session, end, execution.again)


def _again(options: Options, typed: TypedOptions, _: Path | None) -> str:
    """Return the command that goes on, from a saved plan too: what failed since is in no plan that was made before."""
    return f"{command_again(options, 'fleet deploy', typed)}    takes up what failed, and only that"


def _names_of_sets(plan: FleetPlan, deployment: Deployment) -> tuple[StackNames, ...]:
    """Return what can be named of the sets: what is in their templates, where their stacks are and were.

    An account or a region that a set has left is in nobody's listing.
    """
    bodies: dict[StackId, str | None] = {}
    for stack in deployment.stacks:
        values = {**stack.values, **pseudo_parameters(plan.ordinary.account, stack.region, stack.name)}
        definitions = read_definitions(stack.template, values, Holding(stack.id, stack.site))
        bodies |= {definition.stack_set.id: definition.body for definition in definitions}
    return tuple(_names_of_set(planned, bodies.get(planned.id)) for planned in plan.sets)


def _names_of_set(planned: SetPlan, body: str | None) -> StackNames:
    resources = read_template(body, planned.id).resources() if body is not None else {}
    sites = (*planned.touched, *(instance.site for instance in planned.instances))
    places = (str(place) for site in sites for place in site if place is not None)
    names = frozenset({planned.stack_set.logical_id, *resources, *places})
    return StackNames(stack=planned.id, names=names, is_done=True, is_forgotten=True)


def stop_fleet(session: Session, stacks: Collection[StackContents]) -> None:
    """Stop what runs on the sets of these stacks, until nothing does, and say what was stopped."""
    with session.console.progress() as emit:
        stopped = session.run(stop_operations(stacks, session.clients, emit))
    for stack, operation in ((end.stack, end.operation) for end in stopped):
        session.console.warn(f"{stack}: {operation.action} {operation.id} was stopped")
    session.console.warn("no operation runs on the fleet's sets")


def tell_end(session: Session, end: FleetEnd, again: str) -> ExitCode:
    """Show how everything ended; `again` is the command that goes on from here."""
    code = fleet_exit_code(end)
    if session.options.json_events:
        session.console.result(as_json.fleet_ended(end, session.console.now()))
    session.console.say(report.fleet_end_text(end))
    if code is not ExitCode.DONE:
        session.console.warn(f"next:  {again}")
        for note in _unreachable_notes(session, ((failure.site, failure.reason) for failure in failures_of(end))):
            session.console.warn(note)
    return code


def _unreachable_notes(session: Session, failures: Iterable[tuple[Site, str]]) -> tuple[str, ...]:
    """Return what takes an account out whose role cannot be taken, if any of these failed for that."""
    accounts = find_unreachable(failures)
    if not accounts:
        return ()
    drop = command_again(session.options, "fleet drop", {}, accounts[0])
    return (f"next:  {drop}    {report.drop_purpose(accounts)}",)


@dataclass(frozen=True, slots=True)
class FoundFleet:
    """What is deployed of a fleet."""

    stacks: tuple[StackContents, ...]
    """The stacks that hold its sets."""
    sets: tuple[StackSet, ...]
    unseen: tuple[Unreachable, ...]
    """The regions that did not answer."""
    sites: tuple[Site, ...]
    """Where it was looked for."""


def find_fleet(session: Session) -> FoundFleet:
    """Return the stacks that hold the fleet's sets, and the sets. A region that does not answer is told.

    Raises BadInput for another account than dr.yaml has the sets in; Failed where no region answers at all.
    """
    project, clients = session.project, session.clients
    name, sites = project.fleet_name, project.fleet_sites
    others = tuple(Site(None, region) for region in clients.regions() if Site(None, region) not in sites)

    async def observe() -> tuple[FoundStacks, tuple[StackSet, ...]]:
        for site in sites:
            check_account(name, project.fleet_account, await observe_account(clients, site.region))
        known = await find_deployment(name, sites, (), clients)
        in_others = await find_deployment(name, (), others, clients.hurried())
        seen = FoundStacks((*known.stacks, *in_others.stacks), in_others.unseen)
        sets = await observe_sets(seen.stacks, clients)
        return FoundStacks(await without_instances(seen.stacks, sets, clients), seen.unseen), sets

    seen, sets = session.run(observe())
    for unseen in seen.unseen:
        session.console.warn(f"not looked at: {unseen.site.region}: {unseen.because}")
    if len(seen.unseen) == len((*sites, *others)):
        raise Failed(where=name, what="no region could be looked at")
    return FoundFleet(seen.stacks, sets, seen.unseen, (*sites, *others))


def nothing_stands(project: Project) -> str:
    """Return the text that is shown where no stack of the fleet was found."""
    return f"nothing of {project.fleet_name} stands in any region"


def _find(session: Session, typed: TypedOptions) -> FoundDeployment:
    """Return the stacks that hold the fleet's sets, and the sets, found by their tag."""
    fleet = find_fleet(session)
    kept = "their stacks stay" if typed["retain"] else "with their stacks in all accounts and all data"
    return FoundDeployment(
        name=session.project.fleet_name,
        stacks=fleet.stacks,
        account=None,
        listing=report.deployed_text(fleet.stacks, fleet.sets),
        consequence=f", {kept}",
        nothing=nothing_stands(session.project),
        needs=dict,
        delete=partial(_delete, session, typed),
        sites=fleet.sites,
    )


def _delete(session: Session, typed: TypedOptions, removal: Removal) -> ExitCode:
    """Delete the stacks in the accounts, the sets, and the stacks that hold them."""
    fleet = FleetRemoval(removal=removal, role=typed["role"], retain=typed["retain"])
    with session.console.progress() as emit:
        end = session.run(delete_fleet(fleet, session.clients, session.plan_id().id, emit))
    again = command_again(session.options, "fleet destroy", {**typed, "allow": removal.allow})
    return tell_end(session, end, f"{again}    goes on from here")


def _choice(typed: TypedOptions) -> RowFilter:
    return RowFilter(accounts=typed["accounts"], regions=typed["regions"], stacks=typed["stacks"])


def _status(session: Session, typed: TypedOptions) -> Callable[[], Coroutine[Any, Any, StateReport]]:
    """Return what observes the stacks of the fleet in all accounts, or in those that are named."""
    sets = find_fleet(session).sets

    async def observe() -> StateReport:
        every = await observe_status(sets, session.clients, _choice(typed))
        rows = choose(every, RowFilter(failed=typed["failed"]))
        wrong = [row for row in rows if row.is_wrong]
        return StateReport(
            text=lambda: (report.fleet_status_text(rows, len(every) if typed["failed"] else None),),
            event=lambda: report.fleet_status_json(rows),
            alone=(lambda: report.fleet_status_csv(rows).removesuffix("\n")) if typed["as_csv"] else None,
            notes=_unreachable_notes(session, ((Site(row.account, row.region), row.reason) for row in wrong)),
            end=lambda: ExitCode.CHANGES_FOUND if wrong else ExitCode.DONE,
        )

    return observe


def _drift(session: Session) -> StateReport:
    """Return the drift of every stack. Raises Failed where nothing is deployed."""
    sets = find_fleet(session).sets
    if not sets:
        raise Failed(where=session.project.fleet_name, what=nothing_stands(session.project))
    with session.console.progress() as emit:
        drifts = session.run(detect_drift(sets, session.clients, session.plan_id().id, emit))

    def end() -> ExitCode:
        if any(drift.drifted for drift in drifts):
            return ExitCode.CHANGES_FOUND
        return ExitCode.FAILED if any(drift.unseen or drift.problem for drift in drifts) else ExitCode.DONE

    return StateReport(
        text=lambda: (report.fleet_drift_text(drifts),),
        event=lambda: as_json.fleet_drift_seen(drifts, session.console.now()),
        has_both=True,
        end=end,
    )


def _outputs(session: Session, typed: TypedOptions) -> StateReport:
    """Return the outputs of the stacks in all accounts, or in those that are named."""
    sets = find_fleet(session).sets
    outputs = session.run(observe_fleet_outputs(sets, session.clients, _choice(typed), typed["role"]))
    is_for_machines = typed["as_csv"] or session.options.json_events
    return StateReport(
        text=lambda: (report.fleet_outputs_text(outputs),),
        event=lambda: report.fleet_outputs_json(outputs),
        alone=(lambda: report.fleet_outputs_csv(outputs).removesuffix("\n")) if typed["as_csv"] else None,
        notes=tuple(
            f"{failure.site.account} {failure.site.region}: {failure.reason}"
            for failure in (outputs.failures if is_for_machines else ())
        ),
        end=lambda: ExitCode.FAILED if outputs.failures else ExitCode.DONE,
    )


FLEET = Scope(
    word="fleet ",
    plan_file=Path("fleet-plan.json"),
    assembly=lambda project: project.fleet_assembly,
    deployment=lambda session: session.fleet,
    deployment_as_is=Project.fleet_as_is,
    account=lambda project: project.fleet_account,
    # dr.yaml's role is for the system's resources: it may do nothing with StackSets.
    role_arn=lambda _: None,
    trusted=_trusted,
    make_plan=_make_plan,
    ordinary=lambda plan: plan.ordinary,
    read_plan=read_fleet_plan,
    write_plan=write_fleet_plan,
    event=as_json.fleet_made,
    text=lambda _, plan, __: fleet_plan_text(plan),
    pages=make_pages,
    # A fleet's plan is judged by what its execution reads, and leads to no other review.
    check_saved=lambda *_: None,
    check_file=lambda *_: None,
    recover=lambda *_: ExitCode.DONE,  # change sets of a fleet are never rolled back
    execute=_execute,
    again=_again,
    names_of_sets=_names_of_sets,
    tell_deployed=lambda _: None,
    find=_find,
    status=_status,
    drift=_drift,
    outputs=_outputs,
)
