"""The system: one deployment in two regions, planned, executed and deleted by change sets of its stacks."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from builder import deploy
from builder.assembly.uses import read_needs
from builder.aws import Clients
from builder.cli.again import command_again
from builder.cli.execution import execute, recover_first, tell_end, tell_promotion
from builder.cli.files import check_writable
from builder.cli.options import Options
from builder.cli.project import Project
from builder.cli.scope import Execution, FoundDeployment, Scope, StateReport, TypedOptions
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Failed, Several, Stopped
from builder.fleet import FleetEmit
from builder.report import as_json, text
from builder.report.promotion import PromotionSeen, under_way_text
from builder.report.review import without_links
from builder.report.text import left_text, waiting_text
from builder.terms import Region, Site, StackId

if TYPE_CHECKING:
    from builder.state import Status


async def _make_plan(
    session: Session, deployment: deploy.Deployment, request: deploy.PlanRequest, emit: FleetEmit, _: TypedOptions
) -> deploy.Plan:
    """Return the plan; under a promotion whose old primary is lost, without what waits for that region."""
    promotion = await deploy.find_promotion(session.clients, deployment)
    request = replace(request, promotion=promotion)
    if promotion is None or promotion.came_from not in deployment.skipped:
        return await deploy.make_plan(deployment, session.clients, session.plan_id(), emit, request)
    made = await deploy.make_partial_plan(deployment, session.clients, session.plan_id, emit, request)
    if made.plan is None:
        raise Stopped(
            where=deployment.name,
            what=f"all that differs waits for {promotion.came_from}: {promotion.words}",
            next_step=f"the same without --skip-region, once {promotion.came_from} answers again",
        )
    return made.plan


def _trusted(session: Session, options: deploy.PlanOptions) -> deploy.TrustedInput:
    """Return what a saved plan has to follow from: the whole assembly as it is, and what the command line says."""
    project = session.project
    return deploy.TrustedInput(deployment=project.whole(session.build(project.assembly_as_is)), options=options)


def _text(session: Session, plan: deploy.Plan, typed: TypedOptions) -> Text:
    """Return a plan for people, with links to AWS's console only where it is AWS that is asked."""
    shown = without_links(plan) if session.options.has_own_endpoint else plan
    links: Literal["in titles", "in a list"] = "in titles" if session.console.takes_links else "in a list"
    return text.plan_text(shown, text.View(full=typed["full"], links=links))


def _check_saved(session: Session, plan: deploy.Plan, execution: Execution) -> None:
    """Raise BadInput for a plan that does not follow from the assembly, or has work in a region that is left out."""
    deploy.check_claim(plan, execution.trusted)
    _check_file(plan, execution.plan_file)
    left_out = session.options.skip_regions
    if skipped := [region for region in plan.regions if region in left_out]:
        raise BadInput(
            where="--skip-region",
            what=f"the plan has work in {', '.join(skipped)}",
            next_step=f"python -m builder plan {' '.join(f'--skip-region {region}' for region in left_out)}",
        )


def _again(options: Options, typed: TypedOptions, plan_file: Path | None) -> str:
    """Return the command that goes on: with the saved plan, or by planning anew where there was none."""
    if plan_file is None:
        return f"{command_again(options, 'deploy', typed)}    plans anew from what stands now"
    return f"{command_again(options, 'execute', typed, plan_file)}    goes on with what is left"


def _check_file(plan: deploy.Plan, plan_file: Path) -> None:
    if plan.pending:
        check_writable({"the plan's file": plan_file})


def _execute(session: Session, plan: deploy.Plan, execution: Execution) -> ExitCode:
    """Execute a plan, under the promotion that is under way; a saved one may be the last that it takes."""
    deployment = deploy.narrowed(plan, execution.trusted.deployment)
    promotion = session.run(deploy.find_promotion(session.clients, _without_skipped(session, deployment)))
    code = execute(session, plan, execution, promotion)
    # After `deploy` that is told at its end, also where it had nothing to do.
    if code is ExitCode.DONE and promotion is not None and not execution.trusted.is_own:
        tell_promotion(session, deployment, promotion)
    return code


def _without_skipped(session: Session, deployment: deploy.Deployment) -> deploy.Deployment:
    there = {*deployment.regions, *deployment.empty_regions}
    skipped = [Region(region) for region in session.options.skip_regions if region in there]
    return deploy.narrow(deployment, skipped) if skipped else deployment


def _find(session: Session, typed: TypedOptions) -> FoundDeployment:
    """Return the stacks that carry the deployment's tag, in the assembly's regions and in every one that answers.

    Raises BadInput where a region is to be left out, and for another account than dr.yaml pins.
    """
    options, project = session.options, session.project
    if options.skip_regions:
        raise BadInput(
            where="--skip-region",
            what="destroy needs every region: replication is stopped, and what needs a stack goes before it",
        )
    by_tag_alone = project.by_tag_alone
    name = deploy.deployment_name(options.project or project.manifest.project, project.suffix)
    sites, others = _sites(session, () if by_tag_alone else project.manifest.sites, typed["regions"])
    if not by_tag_alone:
        session.run(deploy.check_credentials(name, project.pinned_account, sites, session.clients))
    before = session.run(deploy.find_deployment(name, sites, others, session.clients))
    regions = dict.fromkeys(contents.stack.region for contents in before.stacks)
    session.run(deploy.check_none(session.clients, name, regions))
    lines = (
        f"{contents.id}  {contents.stack.name}  account {contents.stack.account}  {contents.stack.status}\n"
        for contents in before.stacks
    )
    accounts = ", ".join(sorted({contents.stack.account for contents in before.stacks}))
    return FoundDeployment(
        name=name,
        stacks=before.stacks,
        account=None if by_tag_alone else project.pinned_account,
        listing="".join(lines) + waiting_text(before.stacks),
        consequence=f" in account {accounts}, with all its data",
        nothing=left_text(name, (), before),
        needs=dict if by_tag_alone else partial(_needs, project),
        delete=partial(_delete, session, name, typed, before),
        unseen=tuple(where.site.region for where in before.unseen),
        sites=(*sites, *others),
        desired=tuple if by_tag_alone else lambda: project.deployment_as_is.stacks,
    )


def _sites(
    session: Session, sites: tuple[Site, ...], regions: Sequence[str]
) -> tuple[tuple[Site, ...], tuple[Site, ...]]:
    """Return the sites that have to answer, and those that are looked at where they do."""
    accounts = (None, *session.options.roles)
    named = tuple(Site(account, Region(region)) for region in regions for account in accounts)
    every = () if regions else session.clients.regions()
    others = tuple(Site(account, region) for region in every for account in accounts)
    return tuple(dict.fromkeys((*sites, *named))), others


def _needs(project: Project) -> Mapping[StackId, tuple[StackId, ...]]:
    """Return what needs what. Exports in use are deleted after their importers: what templates show counts as what
    the manifest says."""
    return read_needs(project.manifest, project.assembly_as_is.templates).of


def _delete(
    session: Session, name: str, typed: TypedOptions, before: deploy.FoundStacks, removal: deploy.Removal
) -> ExitCode:
    """Delete the stacks, and show what is left."""
    with session.console.progress() as emit:
        ended = session.run(deploy.delete_deployment(removal, session.clients, session.plan_id().id, emit))
    again = command_again(session.options, "destroy", {**typed, "allow": removal.allow})
    code = tell_end(session, ended, f"{again}    goes on from here")
    after = session.run(deploy.find_remaining(before, name, session.clients))
    session.console.say(left_text(name, removal.stacks, after))
    return max(code, ExitCode.FAILED if after.stacks else ExitCode.DONE)


def _tell_deployed(session: Session) -> None:
    """Show the outputs; first end a promotion of which nothing but its record was left."""
    deployment = session.deployment
    promotion = session.run(deploy.find_promotion(session.clients, deployment))
    waits: dict[StackId, str] = {}
    if promotion is not None and not tell_promotion(session, deployment, promotion):
        waits = {StackId(name): f"{name} waits for {promotion.came_from}" for name in promotion.postponed}
    _tell_outputs(session, waits)


def _tell_outputs(session: Session, waits: Mapping[StackId, str]) -> None:
    """Show every output at the end of a run: a line each, or with --json one event for all.

    `waits` says of stacks why they need not have their outputs yet. Raises Failed, after that, where one is missing.
    """
    outputs, console = _observe_outputs(session), session.console
    of = {name: stack for name, (stack, _) in session.project.deployment_as_is.outputs.items()}
    later = {name: waits[of[name]] for name in outputs.missing if of[name] in waits}
    missing = {name: why for name, why in outputs.missing.items() if name not in later}
    outputs = replace(outputs, absent={**outputs.absent, **later}, missing=missing)
    if session.options.json_events:
        console.result(as_json.outputs_read(session.project.deployment_as_is.name, outputs, console.now()))
    else:
        console.say(_outputs_text(outputs))
    outputs.check()


def _outputs_text(outputs: deploy.Outputs) -> str:
    """Return a line each; of one that need not be there the reason."""
    there = (f"{name} = {value}\n" for name, value in outputs.values.items())
    return "".join((*there, *(f"{name}: absent, {why}\n" for name, why in outputs.absent.items())))


def _observe_outputs(session: Session) -> deploy.Outputs:
    """Return the outputs of every region. Raises BadInput for credentials of another account."""
    deployment = session.project.deployment_as_is
    session.run(session.check_credentials(deployment))
    return session.run(deploy.observe_every_output(deployment, session.clients))


def _outputs(session: Session, typed: TypedOptions) -> StateReport:
    """Return the outputs, or the one that is named. Raises BadInput for a name that no output has."""
    session.warn_stale()
    name, known = typed["name"], session.project.deployment_as_is.outputs
    if name is not None and name not in known:
        raise BadInput(where="outputs", what=f"there is no output '{name}'; there are {', '.join(known)}")
    outputs = _observe_outputs(session)

    def end() -> ExitCode:
        if name is None:
            outputs.check()
        return ExitCode.DONE

    return StateReport(
        text=lambda: (_outputs_text(outputs),),
        event=lambda: json.dumps({**outputs.values, **dict.fromkeys(outputs.absent)}),
        alone=partial(outputs.value, name) if name is not None else None,
        end=end,
    )


def _status(session: Session, _: TypedOptions) -> Callable[[], Coroutine[Any, Any, StateReport]]:
    """Return what observes all regions, of which any may be down, and the promotion that is under way."""
    from builder.state import ObserveOptions, observe_sites

    session.warn_stale()
    clients, deployment = session.clients.hurried(), session.project.deployment_as_is

    async def observe() -> StateReport:
        options = ObserveOptions(clients=clients, now=session.console.now(), endpoint=session.options.endpoint)
        _, promotion, status = await asyncio.gather(
            session.check_credentials(deployment, clients),
            _observe_promotion(session, deployment, clients),
            observe_sites(deployment, options),
        )
        return _status_report(session, status, promotion)

    return observe


async def _observe_promotion(session: Session, deployment: deploy.Deployment, clients: Clients) -> PromotionSeen | None:
    """Return the promotion that is under way, as far as the regions that answer tell it; None where none is.

    Warns where it cannot be known, and goes on.
    """
    if not deploy.has_global_table(deployment):
        return None
    try:
        promotion, _ = await deploy.observe_promotion(clients, deployment.name, deploy.regions_of_record(deployment))
    except (Stopped, Several) as error:
        session.console.warn(f"warning: {error}")
        return None
    if promotion is None:
        return None
    unretained = deploy.unretained(deployment, promotion) if promotion.forced else ()
    return PromotionSeen(promotion=promotion, unretained=unretained)


def _status_report(session: Session, status: "Status", promotion: PromotionSeen | None) -> StateReport:
    from builder.components.available import lifecycles
    from builder.report.state import status_event, status_text

    at, runtime_ends = session.console.now(), {name: life.deprecated for name, life in lifecycles().items()}

    def end() -> ExitCode:
        if not status.is_seen:
            raise Failed(where=status.deployment, what="nothing of it was seen: no region could be looked at")
        return ExitCode.DONE

    return StateReport(
        text=lambda: (
            status_text(status, runtime_ends, at),
            *(("", under_way_text(promotion)) if promotion is not None else ()),
        ),
        event=lambda: status_event(status, runtime_ends, at, promotion),
        notes=_policy_notes("status", (line for site in status.sites for line in site.refused)),
        end=end,
    )


def _drift(session: Session) -> StateReport:
    """Return the drift of all stacks, and how the regions differ from one another."""
    from builder.report.state import drift_event, drift_text
    from builder.state import find_differences

    deployment = session.deployment
    session.run(session.check_credentials(deployment))
    differences = session.run(find_differences(deployment, session.clients))

    def end() -> ExitCode:
        if not differences.is_deployed:
            raise deploy.not_deployed(deployment.name)
        drifted = {"ABSENT", "DRIFTED", "NOT_OURS_YET"} & {stack.status for stack in differences.stacks}
        if differences.disparities or drifted:
            return ExitCode.CHANGES_FOUND
        is_unknown = differences.silent or any(stack.problem for stack in differences.stacks)
        return ExitCode.FAILED if is_unknown else ExitCode.DONE

    return StateReport(
        text=lambda: (drift_text(differences),),
        event=lambda: drift_event(differences, session.console.now()),
        notes=_policy_notes("drift", (*differences.silent, *(stack.problem or "" for stack in differences.stacks))),
        end=end,
    )


def _policy_notes(verb: str, lines: Iterable[str]) -> tuple[str, ...]:
    """Return which policy has what was denied, if any line tells of that."""
    is_denied = any("not allowed to call" in line for line in lines)
    return (f"next:  python -m builder policy {verb}    has what is needed",) if is_denied else ()


SYSTEM = Scope(
    word="",
    plan_file=Path("plan.json"),
    assembly=lambda project: project.assembly_fresh,
    deployment=lambda session: session.deployment,
    deployment_as_is=lambda project: project.deployment_as_is,
    account=lambda project: project.pinned_account,
    role_arn=lambda project: project.role_arn,
    trusted=_trusted,
    make_plan=_make_plan,
    ordinary=lambda plan: plan,
    read_plan=deploy.read_plan,
    write_plan=deploy.write_plan,
    event=as_json.made,
    text=_text,
    pages=lambda plan: (plan, None),
    check_saved=_check_saved,
    check_file=_check_file,
    recover=recover_first,
    execute=_execute,
    again=_again,
    names_of_sets=lambda *_: (),
    tell_deployed=_tell_deployed,
    find=_find,
    status=_status,
    drift=_drift,
    outputs=_outputs,
)
