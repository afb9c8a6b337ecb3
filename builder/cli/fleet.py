"""The fleet: the system in many accounts by StackSets, which one stack holds; and how its verbs find what is deployed.

A fleet is found by its tag in every region, so that takes no assembly, and no more of dr.yaml than the project's name.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.aws import observe_account
from builder.cli.options import removal_options_again
from builder.cli.project import Project
from builder.cli.scope import Execution, FoundDeployment, Scope, TypedOptions
from builder.cli.session import Session
from builder.deploy import (
    Deployment,
    FoundStacks,
    PlanRequest,
    Removal,
    StackContents,
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
    StackSet,
    delete_fleet,
    execute_fleet,
    failures_of,
    find_unreachable,
    fleet_exit_code,
    make_fleet_plan,
    observe_sets,
    read_fleet_plan,
    stop_operations,
    without_instances,
    write_fleet_plan,
)
from builder.fleet.records import Holding, SetPlan
from builder.fleet.sets import pseudo_parameters, read_definitions
from builder.report import as_json
from builder.report.fleet import deployed_text as listing
from builder.report.fleet import drop_hint, fleet_end_text
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
            session.console.warn("the StackSets go on by themselves: python -m builder fleet stop    stops them")
        raise
    return tell_end(session, end, "python -m builder fleet deploy    takes up what failed, and only that")


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
    session.console.say(fleet_end_text(end))
    if code is not ExitCode.DONE:
        session.console.warn(f"next:  {again}")
        tell_unreachable(session, ((failure.site, failure.reason) for failure in failures_of(end)))
    return code


def tell_unreachable(session: Session, failures: Iterable[tuple[Site, str]]) -> None:
    """Say what takes an account out whose role cannot be taken, if any of these failed for that."""
    if hint := drop_hint(find_unreachable(failures)):
        session.console.warn(f"next:  {hint}")


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
        listing=listing(fleet.stacks, fleet.sets),
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
    again = removal_options_again(session.options, {**typed, "allow": removal.allow})
    return tell_end(session, end, f"python -m builder fleet destroy{again}    goes on from here")


FLEET = Scope(
    word="fleet ",
    plan_file=Path("fleet-plan.json"),
    assembly=lambda project: project.fleet_assembly,
    deployment=lambda project: project.fleet,
    deployed=lambda project: project.deployed_fleet,
    account=lambda project: project.fleet_account,
    # dr.yaml's role is for the system's resources: it may do nothing with StackSets.
    role_arn=lambda _: None,
    trusted=Project.trusted_fleet,
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
    execute=_execute,
    names_of_sets=_names_of_sets,
    tell_deployed=lambda _: None,
    find=_find,
)
