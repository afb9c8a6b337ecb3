"""`show`, `execute`, `discard`: what can be done with a saved plan."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.carry_out import carry_out, tell_end
from builder.cli.options import global_options
from builder.cli.plan_at_hand import read_saved
from builder.cli.recover import recover_first, recover_option
from builder.cli.tell_plan import page_options, tell_plan
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, role_option, yes_option
from builder.errors import BadInput, ExitCode

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
@role_option
@global_options
@click.pass_obj
def execute(  # noqa: PLR0913 - its options
    wiring: Wiring, *, plan_file: Path, allow: Collection[str], recover: bool, yes: bool, role_arn: str | None
) -> ExitCode:
    """Execute exactly the change sets of a saved plan; started again, it goes on where it stopped.

    The plan has to follow from the assembly at hand: templates/ beside dr.yaml, or --assembly.
    """
    from builder.deploy import check_claim, execute_plan

    plan, trusted = _read(plan_file), wiring.trusted(role_arn)
    check_claim(plan, trusted)
    if skipped := [region for region in plan.regions if region in wiring.skip_regions]:
        raise BadInput(
            where="--skip-region",
            what=f"the plan has work in {', '.join(skipped)}",
            next_step=f"python -m builder plan {' '.join(f'--skip-region {one}' for one in wiring.skip_regions)}",
        )
    if recover and (code := recover_first(wiring, plan, yes=yes)) is not ExitCode.DONE:
        return code
    ended = carry_out(wiring, plan, plan_file, partial(execute_plan, plan, trusted, wiring.clients, allow=allow))
    return tell_end(wiring, ended, f"python -m builder execute {plan_file}    goes on with what is left")


@click.command()
@_PLAN
@global_options
@click.pass_obj
def discard(wiring: Wiring, *, plan_file: Path) -> ExitCode:
    """Delete a saved plan's change sets, and its new stacks that hold nothing."""
    from builder.deploy import discard_plan

    plan = _read(plan_file)
    wiring.run(discard_plan(plan, wiring.clients))
    wiring.console.say(f"discarded {len(plan.steps)} change sets of plan {plan.id}")
    return ExitCode.DONE


def _read(plan_file: Path) -> "Plan":
    from builder.deploy import read_plan

    return read_saved(plan_file, read_plan, "plan")
