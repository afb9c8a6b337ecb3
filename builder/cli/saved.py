"""`show`, `execute`, `discard`: what can be done with a saved plan."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.carry_out import carry_out, check_review, tell_end
from builder.cli.options import global_options
from builder.cli.plan_at_hand import read_saved
from builder.cli.recover import recover_first, recover_option
from builder.cli.tell_plan import page_options, tell_plan
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, make_options, request_options, said_again, yes_option
from builder.errors import BadInput, ExitCode
from builder.terms import counted

if TYPE_CHECKING:
    from builder.deploy import Plan

_PLAN = click.argument("plan_file", metavar="PLAN.JSON", type=click.Path(path_type=Path))


@click.command()
@_PLAN
@page_options
@global_options
@click.pass_obj
def show(wiring: Wiring, /, *, plan_file: Path, **pages: Any) -> ExitCode:  # noqa: ANN401
    """Show a saved plan again, the riskiest change first, with console links."""
    tell_plan(wiring, _read(plan_file), plan_file, **pages)
    return ExitCode.DONE


@click.command()
@_PLAN
@allow_option
@recover_option
@yes_option
@request_options
@global_options
@click.pass_obj
def execute(
    wiring: Wiring,
    /,
    *,
    plan_file: Path,
    allow: Collection[str],
    recover: bool,
    yes: bool,
    **said: Any,  # noqa: ANN401
) -> ExitCode:
    """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped.

    The plan has to follow from the assembly at hand: templates/ beside dr.yaml, or --assembly. A role, a mode, imports
    and a bucket for templates that it was made with are said again.
    """
    from builder.deploy import check_claim, execute_plan

    plan, trusted = _read(plan_file), wiring.trusted(make_options("plan", said, wiring.role_arn))
    check_claim(plan, trusted)
    check_review(plan, plan_file)
    if skipped := [region for region in plan.regions if region in wiring.skip_regions]:
        raise BadInput(
            where="--skip-region",
            what=f"the plan has work in {', '.join(skipped)}",
            next_step=f"python -m builder plan {' '.join(f'--skip-region {one}' for one in wiring.skip_regions)}",
        )
    if recover and (code := recover_first(wiring, plan, yes=yes)) is not ExitCode.DONE:
        return code
    ended = carry_out(wiring, plan, plan_file, partial(execute_plan, plan, trusted, wiring.clients, allow=allow))
    again = f"python -m builder execute {plan_file}{said_again(said)}"
    return tell_end(wiring, ended, f"{again}    goes on with what is left")


@click.command()
@click.argument("plan_file", metavar="[PLAN.JSON]", type=click.Path(path_type=Path), required=False)
@click.option("--all", "everything", is_flag=True, help="All that plans of the deployment left, whoever made them.")
@global_options
@click.pass_obj
def discard(wiring: Wiring, *, plan_file: Path | None, everything: bool) -> ExitCode:
    """Delete a saved plan's change sets, or all that were left, and new stacks that hold nothing."""
    from builder.deploy import discard_all, discard_plan

    if everything == (plan_file is not None):
        raise BadInput(where="discard", what="takes either a plan's file or --all")
    if plan_file is None:
        deployment = wiring.standing
        wiring.run(wiring.check_credentials(deployment))
        gone = wiring.run(discard_all(deployment, wiring.clients))
        wiring.console.say("".join(f"{stack}\n" for stack in gone))
        wiring.console.say(f"discarded {len(gone)} change sets and empty stacks of {deployment.name}")
        return ExitCode.DONE
    plan = _read(plan_file)
    _check_ours(wiring, plan)
    wiring.run(discard_plan(plan, wiring.clients))
    wiring.console.say(f"discarded {counted(len(plan.steps), 'change set')} of plan {plan.id}")
    return ExitCode.DONE


def _check_ours(wiring: Wiring, plan: "Plan") -> None:
    """Raise BadInput for a plan of another deployment or account, as far as it can be told without an assembly."""
    from builder.aws import observe_account
    from builder.deploy import check_account, check_own, check_reach

    check_own(plan)
    if wiring.assembly is not None or wiring.has_config_file:
        name, pinned = wiring.standing.name, wiring.pinned_account
        if plan.deployment != name:
            raise BadInput(
                where=plan.deployment, what=f"is what the plan is of, and not {name}", next_step="--env SUFFIX"
            )
        check_account(name, pinned, plan.account)
    if plan.steps:
        account = wiring.run(observe_account(wiring.clients, plan.steps[0].region))
        check_account(plan.deployment, plan.account, account)
        check_reach(plan.deployment, (step.site for step in plan.steps), account, wiring.clients)


def _read(plan_file: Path) -> "Plan":
    from builder.deploy import read_plan

    return read_saved(plan_file, read_plan, "plan")
