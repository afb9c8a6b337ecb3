"""60 stacks in two regions, and 500 over 17 regions and 5 accounts, on the fake AWS under 5 calls a second and region.

Prints the makespan, in virtual time, over the bound that the limit and AWS's own durations set for whoever plans all
before anything is executed: no stack of the busiest region is started last before the calls are made that the region
cannot do without, five a stack, at 5 a second (its change sets are made meanwhile), and then the longest chain of
stacks that need each other takes its time. The 60 need nothing of each other; of the 500, in each region of an account
the others need the first. And the peak memory of the whole process, which must stay under 250 MB.

    python benchmarks/scale.py
"""

import argparse
import resource
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import botocore.session  # noqa: E402  the path comes first

from builder.aws import Clients  # noqa: E402
from builder.deploy import Deployment, Done, Outcome, PlanId, TrustedInput, execute_plan, make_plan  # noqa: E402
from builder.terms import AccountId, Region, Site, StackId  # noqa: E402
from deploy.chained import make_deployment, make_stack  # noqa: E402
from fake_aws import World, run_virtual  # noqa: E402

REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
]
ACCOUNTS = [AccountId(str(111122223333 + number)) for number in range(5)]
PER_SECOND = 5
CHANGE_SET_S, STACK_S = 2.0, 30.0
# Asking for a change set, a read of it, its findings; before executing, whether it still stands; its execution.
CALLS_PER_STACK = 5
TEMPLATE = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n  Queue: {Type: AWS::SQS::Queue}\n"


@dataclass(frozen=True, slots=True)
class Case:
    """How many stacks there are, where, and how many of them in a row need each other."""

    stacks: int
    sites: tuple[tuple[AccountId, str], ...]
    chain: int

    @property
    def bound_s(self) -> float:
        """The shortest time in which the limit and AWS's own durations let it end."""
        busiest = -(-self.stacks // len(self.sites))
        # The limit lets a second's calls through at once at the beginning.
        calls_s = (busiest * CALLS_PER_STACK - PER_SECOND) / PER_SECOND
        return max(CHANGE_SET_S, calls_s) + self.chain * STACK_S


CASES = (
    Case(60, tuple((ACCOUNTS[0], region) for region in REGIONS[:2]), chain=1),
    Case(500, tuple((account, region) for account in ACCOUNTS for region in REGIONS), chain=2),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one deployment took."""

    makespan_s: float
    calls: int
    throttled: int
    failed: int


def wide_deployment(case: Case) -> Deployment:
    """Return so many stacks, spread evenly; where there is a chain, the others of a site need its first."""
    made = []
    for number in range(case.stacks):
        account, region = case.sites[number % len(case.sites)]
        name = f"{region}/{account}-{number // len(case.sites)}"
        first = case.chain == 1 or number < len(case.sites)
        stack = make_stack(StackId(name), TEMPLATE, needs=() if first else (StackId(f"{region}/{account}-0"),))
        made.append(replace(stack, account=account if account != ACCOUNTS[0] else None))
    return make_deployment(*made)


def make_clients(world: World) -> Clients:
    """Return clients of all accounts, whose roles are assumed when first asked for."""

    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        world.reach(core)
        return core

    roles = {account: f"arn:aws:iam::{account}:role/deployer" for account in ACCOUNTS[1:]}
    return Clients(world.session(ACCOUNTS[0]), roles=roles, make_core=make_core)


def measure(case: Case) -> Run:
    """Plan and execute it all in one virtual time; return what it took."""
    world = World(page_size=20)
    world.script.takes(CHANGE_SET_S, action="CREATE_CHANGE_SET")
    world.script.takes(STACK_S - 2.0, action="CREATE")
    clients, deployment = make_clients(world), wide_deployment(case)
    for account in ACCOUNTS[1:]:  # botocore locks while it assumes a role, and the fake has one thread
        clients.of(Site(account, Region("us-east-1"))).sts(Region("us-east-1")).get_caller_identity()
    world.faults.rate_limit(per_second=PER_SECOND)
    began = world.now

    async def deploy() -> tuple[Outcome, ...]:
        plan = await make_plan(deployment, clients, PlanId(id="scale", at="2026-01-01T00:00:00+00:00"), lambda _: None)
        return await execute_plan(plan, TrustedInput(deployment=deployment, is_own=True), clients, lambda _: None)

    ended = run_virtual(deploy, workers=64)
    throttled = sum(call.outcome == "Throttling" for call in world.calls)
    failed = sum(not isinstance(outcome, Done) for outcome in ended)
    return Run(world.now - began, len(world.calls), throttled, failed)


def tell(case: Case) -> bool:
    """Measure and print a case; return whether it is within its limit."""
    run, bound_s = measure(case), case.bound_s
    ratio = run.makespan_s / bound_s
    print(f"{case.stacks} stacks: {run.makespan_s:.1f} s, bound {bound_s:.1f} s, ratio {ratio:.2f} (at most 1.25)")
    print(f"{run.calls} calls, {run.throttled} of them throttled; {run.failed} stacks failed")
    return ratio <= 1.25 and not run.failed


def main() -> int:
    """Measure, print and return the exit code."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    good = [tell(case) for case in CASES]
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {memory_mb:.0f} MB (at most 250)")
    return 0 if all(good) and memory_mb < 250 else 1


if __name__ == "__main__":
    sys.exit(main())
