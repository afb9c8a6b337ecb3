"""Plans of a promotion: of what can be done while a region is lost, and the last one, which has nothing left to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from builder.aws import Clients
from builder.deploy.change_sets.steps import discard_plan
from builder.deploy.desired import Deployment, leave_out
from builder.deploy.plan.plan import PlanId, PlanRequest, make_plan
from builder.deploy.progress import Emit
from builder.deploy.promotion import Promotion, delete_promotion
from builder.deploy.records import Plan, PlanOptions
from builder.errors import BuilderError, LeftBehind, Several
from builder.terms import StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialPlan:
    """What can be done now, of which deployment, and the stacks whose part waits."""

    plan: Plan | None
    """None where all of it waits."""
    deployment: Deployment
    postponed: tuple[StackId, ...]


async def make_partial_plan(
    deployment: Deployment, clients: Clients, new_id: Callable[[], PlanId], emit: Emit, wish: PlanRequest
) -> PartialPlan:
    """Return a plan of all that does not hang on the deployment's skipped regions; each attempt has an id of its own.

    Raises what `make_plan` raises for any other reason.
    """
    postponed: tuple[StackId, ...] = ()
    while True:
        if all(stack.id in postponed for stack in deployment.stacks):
            return PartialPlan(plan=None, deployment=deployment, postponed=postponed)
        part = leave_out(deployment, postponed)
        try:
            plan = await make_plan(part, clients, new_id(), emit, wish)
        except BuilderError as error:
            waits = tuple(dict.fromkeys(_left_behind(error)))
            if not waits:
                raise
            postponed += waits
        else:
            return PartialPlan(plan=plan, deployment=part, postponed=postponed)


def _left_behind(error: BuilderError) -> Iterator[StackId]:
    """Yield the stacks whose work hangs on a lost region; none where anything else is wrong too."""
    errors = error.errors if isinstance(error, Several) else (error,)
    if all(isinstance(one, LeftBehind) for one in errors):
        yield from (StackId(stack) for one in errors if isinstance(one, LeftBehind) for stack in one.stacks)


async def end_promotion(
    deployment: Deployment, promotion: Promotion, clients: Clients, plan_id: PlanId, emit: Emit
) -> Plan:
    """Return a plan of what is left to do, whose change sets are gone again; where that is nothing the record goes too.

    Raises what `make_plan` and `delete_promotion` raise.
    """
    wish = PlanRequest(options=PlanOptions(by="deploy"), promotion=promotion)
    plan = await make_plan(deployment, clients, plan_id, emit, wish)
    await discard_plan(plan, clients)
    if plan.is_empty:
        await delete_promotion(clients, promotion)
    return plan
