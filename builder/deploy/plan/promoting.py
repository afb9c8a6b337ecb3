"""Plans of a promotion: of what can be done while a region is lost, and the last one, after which nothing remains."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from builder.aws import Clients
from builder.deploy.change_sets.steps import discard_plan
from builder.deploy.desired import Deployment, leave_out
from builder.deploy.plan.plan import PlanId, PlanRequest, make_plan
from builder.deploy.progress import Emit
from builder.deploy.promotion import Promotion, delete_promotion
from builder.deploy.records import Plan, PlanOptions, PostponedStack
from builder.errors import BuilderError, LeftBehind, Several
from builder.terms import StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialPlan:
    """A plan of what can be done now, its deployment, and the stacks that wait."""

    plan: Plan | None
    """None where every stack waits."""
    deployment: Deployment
    postponed: tuple[PostponedStack, ...]


async def make_partial_plan(
    deployment: Deployment, clients: Clients, new_id: Callable[[], PlanId], emit: Emit, request: PlanRequest
) -> PartialPlan:
    """Return a plan of all that does not depend on the deployment's skipped regions; each attempt has its own id.

    Raises what `make_plan` raises for any other reason.
    """
    postponed: tuple[PostponedStack, ...] = ()
    while True:
        ids = [waiting.stack for waiting in postponed]
        if all(stack.id in ids for stack in deployment.stacks):
            return PartialPlan(plan=None, deployment=deployment, postponed=postponed)
        part = leave_out(deployment, ids)
        try:
            plan = await make_plan(part, clients, new_id(), emit, replace(request, postponed=postponed))
        except BuilderError as error:
            waits = tuple(_postponed(error))
            if not waits:
                raise
            postponed += waits
        else:
            return PartialPlan(plan=plan, deployment=part, postponed=postponed)


def _postponed(error: BuilderError) -> Iterator[PostponedStack]:
    """Yield the stacks whose work depends on a lost region, each with the reasons; none if there is any other fault."""
    errors = error.errors if isinstance(error, Several) else (error,)
    if not all(isinstance(fault, LeftBehind) for fault in errors):
        return
    reasons: dict[StackId, list[str]] = {}
    for fault in errors:
        for stack in fault.stacks if isinstance(fault, LeftBehind) else ():
            reasons.setdefault(StackId(stack), []).append(str(fault))
    yield from (PostponedStack(stack=stack, because=tuple(because)) for stack, because in reasons.items())


async def end_promotion(
    deployment: Deployment, promotion: Promotion, clients: Clients, plan_id: PlanId, emit: Emit
) -> Plan:
    """Return a plan of the remaining work, and delete its change sets; if nothing remains, delete the record too.

    Raises what `make_plan` and `delete_promotion` raise.
    """
    request = PlanRequest(options=PlanOptions(by="deploy"), promotion=promotion)
    plan = await make_plan(deployment, clients, plan_id, emit, request)
    await discard_plan(plan, clients)
    if plan.is_empty:
        await delete_promotion(clients, promotion)
    return plan
