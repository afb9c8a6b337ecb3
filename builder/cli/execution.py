"""The execution of change sets of the system's stacks: what is rolled back before, how it is run, how it ended.

A promotion that is under way is told of at the end, and ends itself where nothing is left of it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from builder import deploy
from builder.cli.files import write_private
from builder.cli.scope import Execution, TypedOptions
from builder.cli.session import Session
from builder.errors import ExitCode
from builder.report import as_json, text
from builder.terms import StackId


def recover_first(session: Session, work: deploy.Deployment | deploy.Plan, typed: TypedOptions) -> ExitCode:
    """With --recover, show what has to be rolled back, ask and do it; DONE unless that ends otherwise."""
    if not typed.get("recover"):
        return ExitCode.DONE
    with session.console.progress() as emit:
        recoveries = session.run(deploy.find_recoveries(work, session.clients, emit))
    if not recoveries:
        session.console.say("no stack has to be rolled back first")
        return ExitCode.DONE
    session.console.say(text.recoveries_text(recoveries))
    if not typed["yes"]:
        session.console.ask("Roll back exactly this?")
    with session.console.progress() as emit:
        ended = session.run(deploy.recover(recoveries, session.clients, session.plan_id().id, emit))
    for outcome in ended:
        if isinstance(outcome, deploy.Done) and outcome.next_step:
            session.console.warn(f"then:  {outcome.next_step}")
    return tell_end(session, ended, "the same command again")


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
    code = tell_end(session, ended, execution.again, waits)
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


def tell_end(
    session: Session, ended: Sequence[deploy.Outcome], again: str, waits: Sequence[deploy.Outcome] = ()
) -> ExitCode:
    """Show how everything ended; `again` is the command that goes on from here.

    `waits` are those of the outcomes that were shown before, and fail nothing.
    """
    if session.options.json_events:
        session.console.result(as_json.ended(ended, session.console.now()))
    ended = [outcome for outcome in ended if outcome not in waits]
    session.console.say(text.outcomes_text(ended))
    if not all(isinstance(outcome, deploy.Done) for outcome in ended):
        steps = [step for outcome in ended if (step := outcome.next_step)]
        session.console.warn(f"next:  {steps[0] if steps else again}")
    return deploy.exit_code(ended)
