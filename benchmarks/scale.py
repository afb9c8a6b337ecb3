"""500 stacks over 17 regions and 5 accounts, planned and executed on the fake AWS under a limit of 8 calls a second.

Prints the makespan, in virtual time, over the bound that the limit and AWS's own durations set: no plan can be faster
than its change sets take, plus the longest chain of stacks that need each other, plus the calls that the busiest
region of an account cannot do without, at 8 a second. And the peak memory of the whole process, which must stay
under 250 MB.

    python benchmarks/scale.py [--stacks 500]
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
from builder.deploy import Deployment, Done, Outcome, Seal, Trusted, execute_plan, make_plan  # noqa: E402
from builder.terms import AccountId, Region, Site, StackId  # noqa: E402
from deploy.chained import make_deployment, make_stack  # noqa: E402
from fake_aws import World, run_virtual  # noqa: E402

REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
]
ACCOUNTS = [AccountId(str(111122223333 + number)) for number in range(5)]
PER_SECOND = 8
CHANGE_SET_S, STACK_S = 2.0, 30.0
# Asking for a change set, a read of it, its findings; before executing, whether it still stands; its execution.
CALLS_PER_STACK = 5
TEMPLATE = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n  Queue: {Type: AWS::SQS::Queue}\n"


@dataclass(frozen=True, slots=True)
class Run:
    """What one deployment took."""

    makespan_s: float
    calls: int
    failed: int


def wide_deployment(stacks: int) -> Deployment:
    """Return so many stacks, spread evenly; in each region of an account the others need the first."""
    sites = [(account, region) for account in ACCOUNTS for region in REGIONS]
    made = []
    for number in range(stacks):
        account, region = sites[number % len(sites)]
        name = f"{region}/{account}-{number // len(sites)}"
        needs = () if number < len(sites) else (StackId(f"{region}/{account}-0"),)
        stack = make_stack(StackId(name), TEMPLATE, needs=needs)
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


def measure(stacks: int) -> Run:
    """Plan and execute it all in one virtual time; return what it took."""
    world = World(page_size=20)
    world.script.takes(CHANGE_SET_S, action="CREATE_CHANGE_SET")
    world.script.takes(STACK_S - 2.0, action="CREATE")
    clients, deployment = make_clients(world), wide_deployment(stacks)
    for account in ACCOUNTS[1:]:  # botocore locks while it assumes a role, and the fake has one thread
        clients.of(Site(account, Region("us-east-1"))).sts(Region("us-east-1")).get_caller_identity()
    world.faults.rate_limit(per_second=PER_SECOND)
    began = world.now

    async def deploy() -> tuple[Outcome, ...]:
        plan = await make_plan(deployment, clients, Seal(id="scale", at="2026-01-01T00:00:00+00:00"), lambda _: None)
        return await execute_plan(plan, Trusted(deployment=deployment, is_own=True), clients, lambda _: None)

    ended = run_virtual(deploy, workers=64)
    return Run(world.now - began, len(world.calls), sum(not isinstance(outcome, Done) for outcome in ended))


def bound_s(stacks: int) -> float:
    """Return the shortest time in which the limit and AWS's own durations let it end."""
    sites = len(ACCOUNTS) * len(REGIONS)
    busiest = -(-stacks // sites)
    return CHANGE_SET_S + 2 * STACK_S + busiest * CALLS_PER_STACK / PER_SECOND


def main() -> int:
    """Measure, print and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=500)
    stacks = parser.parse_args().stacks
    run, bound = measure(stacks), bound_s(stacks)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = run.makespan_s / bound
    print(f"{stacks} stacks: {run.makespan_s:.1f} s, bound {bound:.1f} s, ratio {ratio:.2f} (at most 1.25)")
    print(f"{run.calls} calls, {run.failed} failed; peak memory {memory_mb:.0f} MB (at most 250)")
    return 0 if ratio <= 1.25 and not run.failed and memory_mb < 250 else 1


if __name__ == "__main__":
    sys.exit(main())
