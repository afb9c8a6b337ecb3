"""Executing a plan in the run that made it: its change sets are nobody's review, and none of them stays behind."""

from collections.abc import Collection

from builder.aws import Clients
from builder.deploy.claim import Trusted
from builder.deploy.desired import Deployment
from builder.deploy.discard import discard_plan
from builder.deploy.execute import Brake, execute_plan
from builder.deploy.outcome import Cancelled, Outcome, Overtaken
from builder.deploy.progress import Emit
from builder.deploy.records import Plan
from builder.errors import BuilderError


async def execute_unreviewed(  # noqa: PLR0913 - as execute_plan
    plan: Plan,
    deployment: Deployment,
    clients: Clients,
    emit: Emit,
    *,
    allow: Collection[str] = (),
    brake: Brake | None = None,
    in_detail: bool = False,
) -> tuple[Outcome, ...]:
    """Execute a `deploy`'s own plan and return each stack's outcome; what was not executed is deleted again.

    Raises what `execute_plan` raises, with all of the plan deleted.
    """
    trusted = Trusted(deployment=deployment, is_own=True)
    try:
        ended = await execute_plan(plan, trusted, clients, emit, allow=allow, brake=brake, in_detail=in_detail)
    except BuilderError:
        await discard_plan(plan, clients)
        raise
    await discard_plan(plan, clients, only={one.stack for one in ended if isinstance(one, Cancelled | Overtaken)})
    return ended
