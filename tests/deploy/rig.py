"""The deployer on the fake AWS: the shipped assembly, a world, and the events of all that was run."""

import functools
import hashlib
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from builder.assembly import read_assembly
from builder.aws import Clients
from builder.deploy import (
    Deployment,
    Emit,
    Outcome,
    Plan,
    PlanId,
    PlanRequest,
    Progress,
    Promotion,
    Removal,
    TrustedInput,
    delete_deployment,
    delete_kept,
    execute_plan,
    find_deployed,
    make_deployment,
    make_plan,
)
from builder.deploy.desired import DesiredStack
from builder.terms import StackId
from fake_aws import World, run_virtual

T = TypeVar("T")
E = TypeVar("E", bound=Progress)
ROOT = Path(__file__).parent.parent.parent
ACCOUNT = "111122223333"


@functools.cache
def shipped(suffix: str = "dev") -> Deployment:
    assembly = read_assembly(ROOT / "templates")
    return make_deployment(assembly.manifest, assembly.templates, suffix)


def changed(deployment: Deployment, stack: str, **fields: Any) -> Deployment:
    """The same deployment with one stack that differs."""
    stacks = tuple(replace(desired, **fields) if desired.id == stack else desired for desired in deployment.stacks)
    return replace(deployment, stacks=stacks)


def edited(deployment: Deployment, stack: str, old: str, new: str) -> Deployment:
    """The same deployment with one template edited."""
    template = deployment.stack(StackId(stack)).template
    assert old in template
    fresh = template.replace(old, new)
    digest = hashlib.sha256(fresh.encode()).hexdigest()
    return replace(changed(deployment, stack, template=fresh, sha256=digest), digest=digest)


@dataclass
class Rig:
    world: World = field(default_factory=World)
    deployment: Deployment = field(default_factory=shipped)
    events: list[Progress] = field(default_factory=list)
    plans: int = 0
    promotion: Promotion | None = None
    """The one that is under way."""
    planned: dict[str, Deployment] = field(default_factory=dict)
    """What each plan was made from, by the plan's id."""

    def __post_init__(self) -> None:
        self.clients = Clients(self.world.session(ACCOUNT))

    def have_deployed(self) -> None:
        """Have the shipped deployment stand, as it does after `deploy`: it is deployed once, and its world copied."""
        before = _deployed()
        self.world, self.plans, self.planned = before.world.copied(), before.plans, dict(before.planned)
        self.world.calls.clear()
        self.clients = Clients(self.world.session(ACCOUNT))

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return run_virtual(work)

    def events_of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def plan(self, deployment: Deployment | None = None, request: PlanRequest | None = None) -> Plan:
        self.plans += 1
        plan_id = PlanId(id=f"plan-{self.plans}", at="2026-01-01T00:00:00+00:00")
        desired = self.planned[plan_id.id] = deployment or self.deployment
        plan_request = request or PlanRequest(promotion=self.promotion)
        return self.watched(lambda emit: make_plan(desired, self.clients, plan_id, emit, plan_request))

    def trusted(self, plan: Plan) -> TrustedInput:
        """What whoever executes it knows without its file: the assembly that it was made from, and its options."""
        return TrustedInput(deployment=self.planned[plan.id], options=plan.options, promotion=self.promotion)

    def execute(self, plan: Plan, allow: Collection[str] = ()) -> tuple[Outcome, ...]:
        return self.watched(lambda emit: execute_plan(plan, self.trusted(plan), self.clients, emit, allow=allow))

    def deploy(
        self, deployment: Deployment | None = None, request: PlanRequest | None = None, allow: Collection[str] = ()
    ) -> tuple[Outcome, ...]:
        return self.execute(self.plan(deployment, request), allow)

    def destroy(
        self, allow: Collection[str] = (), *, unprotect: bool = False, names: Collection[str] = ()
    ) -> tuple[Outcome, ...]:
        needs = {stack.id: stack.needs for stack in self.deployment.stacks}
        self.plans += 1

        async def all_of_it(emit: Emit) -> tuple[Outcome, ...]:
            deployed = await find_deployed(self.deployment.name, self.deployment.sites, self.clients)
            stacks = delete_kept(deployed, names, ())
            removal = Removal(stacks=stacks, needs=needs, allow=allow, unprotect=unprotect)
            return await delete_deployment(removal, self.clients, f"destroy-{self.plans}", emit)

        return self.watched(all_of_it)

    def watched(self, work: Callable[[Emit], Coroutine[Any, Any, T]]) -> T:
        return self.run(lambda: work(self.events.append))

    def statuses(self) -> Mapping[StackId, str]:
        return {stack.id: self.world.stack(stack.name, region=stack.region).status for stack in self.deployment.stacks}

    def operations(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.world.calls)

    def stack(self, stack_id: str) -> DesiredStack:
        return self.deployment.stack(StackId(stack_id))


@functools.cache
def _deployed() -> Rig:
    rig = Rig()
    rig.deploy()
    rig.world.calls.clear()
    return rig
