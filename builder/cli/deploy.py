"""`deploy`: plan, ask, execute; and `fleet stop`, which ends what runs on StackSets."""

from collections.abc import Collection
from functools import partial
from typing import Any

import click

from builder.cli.allowed import without_done
from builder.cli.command import command, global_options, pass_session
from builder.cli.options import (
    allow_option,
    full_option,
    look_option,
    make_plan_request,
    overrides_option,
    recover_option,
    request_options,
    stop_option,
    yes_option,
)
from builder.cli.plan import ask_to_execute, make_plan, or_discard, tell_plan
from builder.cli.scope import Execution, P, Scope
from builder.cli.session import Session
from builder.errors import ExitCode


def deploy(session: Session, scope: Scope[P], /, *, allow: Collection[str], **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
    """Plan, show the plan, ask, and execute exactly that."""
    from builder.deploy import TrustedInput, sweep

    deployment = scope.deployment(session)
    request = make_plan_request("deploy", typed, scope.role_arn(session.project))
    if (code := scope.recover(session, deployment, typed)) is not ExitCode.DONE:
        return code
    plan = make_plan(session, scope, deployment, request, typed)
    with or_discard(session, scope.ordinary(plan)):
        scope.check_file(plan, scope.plan_file)
        tell_plan(session, scope, plan, typed)
        if not plan.is_empty:
            sets, is_asked = partial(scope.names_of_sets, plan, deployment), not typed["yes"]
            allow = without_done(session, scope.ordinary(plan), deployment, allow, is_asked=is_asked, sets=sets)
        if not typed["yes"] and not plan.is_empty:
            ask_to_execute(session, scope.ordinary(plan), allow)
    if not plan.is_empty:
        execution = Execution(
            trusted=TrustedInput(deployment=deployment, is_own=True),
            plan_file=scope.plan_file,
            allow=allow,
            again=scope.again(session.options, {**typed, "allow": allow}, None),
            stop=typed.get("stop", False),
        )
        if (code := scope.execute(session, plan, execution)) is not ExitCode.DONE:
            return code
        # What was made for this run and is not executed by it goes again.
        session.run(sweep(deployment, scope.ordinary(plan), session.clients))
    scope.tell_deployed(session)
    return ExitCode.DONE


@click.command()
@global_options
@pass_session
def stop(session: Session) -> ExitCode:
    """Stop every operation that runs on the fleet's StackSets; accounts not reached yet stay as they are."""
    from builder.cli.fleet import find_fleet, nothing_stands, stop_fleet

    stacks = find_fleet(session).stacks
    if stacks:
        stop_fleet(session, stacks)
    else:
        session.console.say(nothing_stands(session.project))
    return ExitCode.DONE


COMMANDS = {
    "deploy": command(
        "deploy",
        deploy,
        "system",
        "Plan all regions, show the plan, ask, and execute exactly that.",
        *(yes_option, allow_option, recover_option, full_option, request_options),
    ),
    "fleet deploy": command(
        "deploy",
        deploy,
        "fleet",
        "Plan, show what happens in each account, ask, and execute exactly that; retries what failed before.",
        *(yes_option, allow_option, stop_option, overrides_option, look_option, request_options),
    ),
    "fleet stop": stop,
}
