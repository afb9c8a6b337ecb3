"""The system: one deployment in two regions, planned, executed and deleted by change sets of its stacks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rich.text import Text

from builder import deploy
from builder.assembly.uses import read_uses
from builder.cli.files import check_writable, write_private
from builder.cli.options import removal_options_again
from builder.cli.project import Project
from builder.cli.scope import Execution, FoundDeployment, Scope, TypedOptions
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Stopped
from builder.fleet import FleetEmit
from builder.report import as_json, text
from builder.report.review import without_links
from builder.report.text import left_text, waiting_text
from builder.terms import Region, Site, StackId


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


def execute(
    session: Session,
    plan: deploy.Plan,
    execution: Execution,
    promotion: deploy.Promotion | None,
    before: deploy.Before | None = None,
) -> ExitCode:
    """Execute a plan and show how each stack ended; what is left for review is written into the plan's file.

    Beside a lost primary an import that fails, or takes long, is no failure: it waits for that region.
    """
    trusted, stop = replace(execution.trusted, promotion=promotion), asyncio.Event()
    given: dict[str, Any] = {
        "allow": execution.allow,
        "stop": stop,
        "in_detail": session.console.in_detail,
        "before": before,
    }
    if trusted.is_own:
        run = partial(
            deploy.execute_unreviewed, plan, trusted.deployment, session.clients, promotion=promotion, **given
        )
    else:
        run = partial(deploy.execute_plan, plan, trusted, session.clients, **given)
    is_beside = promotion is not None and any(stack.startswith(f"{promotion.came_from}/") for stack in plan.left_out)
    imports = deploy.imports_of(plan) if is_beside else frozenset[StackId]()
    with session.console.progress() as emit:
        work = deploy.execute_bounded(lambda inner: run(emit=inner), imports, emit) if imports else run(emit=emit)
        ended = session.run(work, stop)
    if any(isinstance(outcome, deploy.ReviewRequired) for outcome in ended):
        write_private(
            execution.plan_file, deploy.write_plan(deploy.after_review(plan, ended)), str(execution.plan_file)
        )
    waits = [outcome for outcome in ended if outcome.stack in imports and not isinstance(outcome, deploy.Done)]
    if waits and promotion is not None:
        session.console.say(text.outcomes_text(waits))
        session.console.warn(
            f"waits until {promotion.came_from} answers again: {', '.join(outcome.stack for outcome in waits)}"
        )
    code = tell_end(session, [outcome for outcome in ended if outcome not in waits], execution.again)
    if code is ExitCode.DONE and (places := text.unfilled(plan)):
        session.console.warn(f"{', '.join(places)}: {text.BACKFILL}")
    return code


def tell_promotion(session: Session, deployment: deploy.Deployment, promotion: deploy.Promotion) -> bool:
    """End a promotion that has nothing left to do, and return whether it has; say how it stands."""
    from builder.report import promotion as report

    left: deploy.Plan | None = None
    if promotion.came_from not in deployment.skipped:
        with session.console.progress() as emit:
            ending = deploy.end_promotion(deployment, promotion, session.clients, session.plan_id(), emit)
            left = session.run(ending)
    is_done = left is not None and left.is_empty
    ended = report.PromotionEnded(
        to=promotion.to,
        came_from=promotion.came_from,
        is_done=is_done,
        postponed=() if is_done else promotion.postponed,
        left=() if left is None else tuple(dict.fromkeys(step.stack for step in left.work)),
    )
    if session.options.json_events:
        session.console.result(report.event(ended, session.console.now()))
    session.console.say(report.ended_text(ended))
    return is_done


def tell_end(session: Session, ended: Sequence[deploy.Outcome], again: str) -> ExitCode:
    """Show how everything ended; `again` is the command that goes on from here."""
    if session.options.json_events:
        session.console.result(as_json.ended(ended, session.console.now()))
    session.console.say(text.outcomes_text(ended))
    if not all(isinstance(outcome, deploy.Done) for outcome in ended):
        steps = [step for outcome in ended if (step := outcome.next_step)]
        session.console.warn(f"next:  {steps[0] if steps else again}")
    return deploy.exit_code(ended)


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
        desired=tuple if by_tag_alone else lambda: project.deployed.stacks,
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
    return read_uses(project.manifest, project.assembly_as_is.templates)[1].of


def _delete(
    session: Session, name: str, typed: TypedOptions, before: deploy.FoundStacks, removal: deploy.Removal
) -> ExitCode:
    """Delete the stacks, and show what is left."""
    with session.console.progress() as emit:
        ended = session.run(deploy.delete_deployment(removal, session.clients, session.plan_id().id, emit))
    own = {
        "region": typed["regions"],
        "allow": removal.allow,
        "unprotect": typed["unprotect"],
        "delete-retained": [name for name in typed["delete_retained"] if name],
    }
    again = removal_options_again(session.options, own)
    code = tell_end(session, ended, f"python -m builder destroy{again}    goes on from here")
    after = session.run(deploy.find_remaining(before, name, session.clients))
    session.console.say(left_text(name, removal.stacks, after))
    return max(code, ExitCode.FAILED if after.stacks else ExitCode.DONE)


def _tell_deployed(session: Session) -> None:
    """Show the outputs; first end a promotion of which nothing but its record was left."""
    deployment = session.project.deployment
    promotion = session.run(deploy.find_promotion(session.clients, deployment))
    waits: dict[StackId, str] = {}
    if promotion is not None and not tell_promotion(session, deployment, promotion):
        waits = {StackId(name): f"{name} waits for {promotion.came_from}" for name in promotion.postponed}
    _tell_outputs(session, waits)


def _tell_outputs(session: Session, waits: Mapping[StackId, str]) -> None:
    """Show every output at the end of a run: a line each, or with --json one event for all.

    `waits` says of stacks why they need not have their outputs yet. Raises Failed, after that, where one is missing.
    """
    outputs, console = observe_outputs(session), session.console
    of = {name: stack for name, (stack, _) in session.project.deployed.outputs.items()}
    later = {name: waits[of[name]] for name in outputs.missing if of[name] in waits}
    missing = {name: why for name, why in outputs.missing.items() if name not in later}
    outputs = replace(outputs, absent={**outputs.absent, **later}, missing=missing)
    if session.options.json_events:
        console.result(as_json.outputs_read(session.project.deployed.name, outputs, console.now()))
    else:
        console.say(outputs_text(outputs))
    outputs.check()


def outputs_text(outputs: deploy.Outputs) -> str:
    """Return a line each; of one that need not be there the reason."""
    there = (f"{name} = {value}\n" for name, value in outputs.values.items())
    return "".join((*there, *(f"{name}: absent, {why}\n" for name, why in outputs.absent.items())))


def observe_outputs(session: Session) -> deploy.Outputs:
    """Return the outputs of every region. Raises BadInput for credentials of another account."""
    deployed = session.project.deployed
    session.run(session.check_credentials(deployed))
    return session.run(deploy.observe_every_output(deployed, session.clients))


SYSTEM = Scope(
    word="",
    plan_file=Path("plan.json"),
    assembly=lambda project: project.assembly_fresh,
    deployment=lambda project: project.deployment,
    deployed=lambda project: project.deployed,
    account=lambda project: project.pinned_account,
    role_arn=lambda project: project.role_arn,
    trusted=Project.trusted,
    make_plan=_make_plan,
    ordinary=lambda plan: plan,
    read_plan=deploy.read_plan,
    write_plan=deploy.write_plan,
    event=as_json.made,
    text=_text,
    pages=lambda plan: (plan, None),
    check_saved=_check_saved,
    check_file=_check_file,
    execute=_execute,
    names_of_sets=lambda *_: (),
    tell_deployed=_tell_deployed,
    find=_find,
)
