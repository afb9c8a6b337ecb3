"""A fleet on the fake AWS: a world of accounts, and all events of its runs."""

import functools
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import botocore.session

from builder.aws import Clients
from builder.deploy import (
    Deployment,
    PlanId,
    PlanOptions,
    PlanRequest,
    Removal,
    StackContents,
    TrustedInput,
    find_deployed,
)
from builder.fleet import (
    FleetEnd,
    FleetPlan,
    FleetRemoval,
    LeavingAccount,
    StackSet,
    delete_fleet,
    drop_account,
    execute_fleet,
    make_fleet_plan,
    observe_leaving,
    observe_sets,
    unrolled_stacks,
)
from builder.fleet.observe import observe_instances
from builder.fleet.progress import FleetProgress, SetOutcome
from builder.fleet.records import StackInstance
from builder.terms import AccountId, StackId
from fake_aws import World, run_virtual
from fleet.stack_sets import ADMIN, FLEET, WEST, fleet_deployment, fleet_template, stack_set

T = TypeVar("T")
E = TypeVar("E")

STORAGE = "us-west-2/storage"
BODY = """\
Parameters: {EnvironmentSuffix: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {BucketName: !Sub 'tap-${EnvironmentSuffix}-${AWS::AccountId}-one'}
Outputs:
  Name: {Value: !Ref Bucket}
"""
CHANGED = BODY.replace("DisplayName: one", "DisplayName: two")
REPLACED = BODY.replace("}-one'", "}-two'")
LATER = BODY.replace("}-one'", "}-later'")
LATER_CHANGED = LATER.replace("{BucketName", "{Tags: [{Key: a, Value: b}], BucketName")


def two_sets(
    body: str = BODY,
    targets: dict[str, Any] | None = None,
    later: str = LATER,
    *,
    managed: bool = True,
    **preferences: int,
) -> Deployment:
    """Two sets, of which the second needs the first."""
    bodies = {STORAGE: body, "us-east-1/storage": later}
    operation_preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9, **preferences}
    return fleet_deployment(fleet_template(bodies, targets, preferences=operation_preferences, managed=managed))


def make_clients(world: World) -> Clients:
    """Clients of the account that administers, which reach others by roles that are assumed when first asked for."""

    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        world.reach(core)
        return core

    return Clients(world.session(ADMIN), make_core=make_core)


@dataclass
class FleetRig:
    world: World = field(default_factory=lambda: World(page_size=20))
    deployment: Deployment = field(default_factory=two_sets)
    events: list[FleetProgress] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.clients = make_clients(self.world)

    def have_deployed(self) -> None:
        """Have the fleet deployed, as by `deploy`: that is done once, and its world copied."""
        before = _deployed()
        self.world, self.runs = before.world.copied(), before.runs
        self.world.calls.clear()
        self.clients = make_clients(self.world)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return run_virtual(work)

    def events_of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def plan(self, deployment: Deployment | None = None, **how: Any) -> FleetPlan:
        self.runs += 1
        self.deployment = deployment or self.deployment
        plan_id = PlanId(id=f"plan-{self.runs}", at="2026-01-01T00:00:00+00:00")
        return self.run(
            lambda: make_fleet_plan(self.deployment, self.clients, plan_id, self.events.append, PlanRequest(), **how)
        )

    @property
    def trusted(self) -> TrustedInput:
        """What is known of the last plan without its file."""
        return TrustedInput(deployment=self.deployment, options=PlanOptions(unrolled=unrolled_stacks(self.deployment)))

    def execute(self, plan: FleetPlan, allow: Collection[str] = ()) -> FleetEnd:
        return self.run(lambda: execute_fleet(plan, self.trusted, self.clients, self.events.append, allow=allow))

    def deploy(self, deployment: Deployment | None = None, allow: Collection[str] = ()) -> dict[StackId, SetOutcome]:
        end = self.execute(self.plan(deployment), allow)
        return {outcome.stack: outcome for outcome in end.sets}

    def observe(self) -> tuple[tuple[StackContents, ...], tuple[StackSet, ...]]:
        async def read() -> tuple[tuple[StackContents, ...], tuple[StackSet, ...]]:
            stacks = await find_deployed(self.deployment.name, self.deployment.sites, self.clients)
            return stacks, await observe_sets(stacks, self.clients)

        return self.run(read)

    def destroy(self, **how: Any) -> FleetEnd:
        self.runs += 1
        stacks, _ = self.observe()
        fleet = FleetRemoval(removal=Removal(stacks=stacks, needs={}), **how)
        return self.run(lambda: delete_fleet(fleet, self.clients, f"destroy-{self.runs}", self.events.append))

    def leaving(self, account: str, *, retain: bool = False) -> LeavingAccount:
        fleet = self.removal(retain=retain)
        return self.run(lambda: self.look_at_leaving(account, fleet))

    def look_at_leaving(self, account: str, fleet: FleetRemoval) -> Coroutine[Any, Any, LeavingAccount]:
        return observe_leaving(AccountId(account), fleet, self.clients, f"look-{self.runs}", self.events.append)

    def removal(self, **how: Any) -> FleetRemoval:
        stacks, _ = self.observe()
        return FleetRemoval(removal=Removal(stacks=stacks, needs={}), **how)

    def drop(self, account: str, **how: Any) -> FleetEnd:
        return self.drop_shown(self.leaving(account, retain=how.get("retain", False)), **how)

    def drop_shown(self, leaving: LeavingAccount, **how: Any) -> FleetEnd:
        """Drop an account whose stacks were shown before, whatever has come since."""
        self.runs += 1
        fleet = self.removal(**how)
        return self.run(lambda: drop_account(leaving, fleet, self.clients, f"drop-{self.runs}", self.events.append))

    def instances(self, stack: str = STORAGE) -> tuple[StackInstance, ...]:
        return self.run(lambda: observe_instances(self.clients, stack_set(stack)))

    def operations(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.world.calls)


def drop_later(rig: FleetRig) -> FleetPlan:
    """A plan that takes the second set out of the template, and is to fail in the first."""
    rig.world.script.fails("UPDATE", "Topic", reason="limit", region=WEST, times=None)
    template = fleet_template({STORAGE: CHANGED}, preferences={"MaxConcurrentCount": 10, "FailureToleranceCount": 0})
    return rig.plan(fleet_deployment(template))


def halt(rig: FleetRig) -> None:
    """Have the fleet's stack hold the set that its template has no more."""
    rig.execute(drop_later(rig), allow=[f"{FLEET}/UsEast1Storage"])
    (contents,), _ = rig.observe()
    assert contents.stack.status == "UPDATE_FAILED"


def copied(rig: FleetRig) -> FleetRig:
    """Another rig, whose world is this one's as it is now."""
    return FleetRig(rig.world.copied(), rig.deployment, runs=rig.runs)


@functools.cache
def _deployed() -> FleetRig:
    rig = FleetRig()
    rig.deploy()
    rig.world.calls.clear()
    return rig
