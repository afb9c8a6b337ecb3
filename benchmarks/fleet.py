"""The shipped system in 200 accounts by StackSets, planned and executed on the fake AWS under 8 calls a second.

Two regions, five sets, a thousand stacks, a quarter of the accounts at once. Prints the makespan, in virtual time, over
its bound: no plan can be faster than its change set takes, than AWS itself takes from the first to the last status of
the stack that holds the sets, measured in the same run, and than the calls that nothing can do without, at 8 a second.
And the peak memory of the whole process, which must stay under 250 MB.

    python benchmarks/fleet.py [--accounts 200] [--progress]
"""

import argparse
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from builder.deploy import Done, PlanId, TrustedInput  # noqa: E402  the path comes first
from builder.fleet import FleetEnd, execute_fleet, make_fleet_plan  # noqa: E402
from builder.fleet.progress import (  # noqa: E402
    FleetProgress,
    SetDone,
)
from builder.report.board import event_words  # noqa: E402
from builder.report.fleet_plan import fleet_plan_text  # noqa: E402
from fake_aws import World, run_virtual  # noqa: E402
from fleet.rig import make_clients  # noqa: E402
from fleet.stack_sets import WEST, accounts, fleet_deployment, fleet_template  # noqa: E402

PER_SECOND = 8
CHANGE_SET_S = 2.0
PREFERENCES = {
    "MaxConcurrentPercentage": 25,
    "FailureTolerancePercentage": 10,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}
PAGE = 100  # what ListStackInstances answers at most
SETS = 5
# The plan's look at stack and sets; its change set asked for, read and executed; each instance seen as it ended.
CALLS = 8 + SETS


@dataclass(frozen=True, slots=True)
class Run:
    """What one deployment took."""

    makespan_s: float
    aws_s: float
    """What of it AWS worked on the stack that holds the sets."""
    calls: int
    end: FleetEnd
    text: str

    @property
    def failed(self) -> int:
        """How many stacks that hold sets, and sets, did not end well."""
        return sum(not isinstance(outcome, Done | SetDone) for outcome in (*self.end.ordinary, *self.end.sets))


def measure(count: int, on_event: Callable[[float, FleetProgress], None]) -> Run:
    """Plan and execute it all in one virtual time; return what it took."""
    world = World(page_size=PAGE)
    world.script.takes(CHANGE_SET_S, action="CREATE_CHANGE_SET")
    clients = make_clients(world)
    named = [str(444400000000 + number) for number in range(count)]
    deployment = fleet_deployment(fleet_template(targets=accounts(*named), preferences=PREFERENCES))
    world.faults.rate_limit(per_second=PER_SECOND)
    began = world.now
    texts = []

    def emit(event: FleetProgress) -> None:
        on_event(world.now - began, event)

    async def deploy() -> FleetEnd:
        plan = await make_fleet_plan(deployment, clients, PlanId(id="fleet", at="2026-01-01T00:00:00+00:00"), emit)
        texts.append(fleet_plan_text(plan).plain)
        return await execute_fleet(plan, TrustedInput(deployment=deployment, is_own=True), clients, emit)

    end = run_virtual(deploy, workers=64)
    took = world.now - began
    own = [
        event.at
        for event in world.stack("tap-dev-fleet", region=WEST).record.events
        if event.logical_id == "tap-dev-fleet"
    ]
    # The first event of all is that of its review.
    return Run(took, (own[-1] - own[1]).total_seconds(), len(world.calls), end, texts[0])


def tell(now: float, event: FleetProgress) -> None:
    """Print an event as a pipeline's log shows it."""
    words = ": ".join(filter(None, event_words(event)))
    print(f"{timedelta(seconds=int(now))}  {getattr(event, 'stack', ''):<20} {words}")


def bound_s(count: int, aws_s: float) -> float:
    """Return the shortest time in which the limit and AWS's own durations let it end."""
    pages = -(-count // PAGE) * SETS
    return CHANGE_SET_S + aws_s + (CALLS + pages) / PER_SECOND


def main() -> int:
    """Measure, print and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--progress", action="store_true", help="also print the plan and every event")
    options = parser.parse_args()
    run = measure(options.accounts, tell if options.progress else lambda _now, _event: None)
    if options.progress:
        print(run.text)
    bound, memory_mb = bound_s(options.accounts, run.aws_s), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.accounts} accounts, 2 regions: {run.makespan_s:.1f} s, bound {bound:.1f} s, "
        f"ratio {run.makespan_s / bound:.2f} (at most 1.25)"
    )
    print(f"{run.calls} calls, {run.failed} failed; peak memory {memory_mb:.0f} MB (at most 250)")
    return 0 if run.makespan_s <= 1.25 * bound and not run.failed and memory_mb < 250 else 1


if __name__ == "__main__":
    sys.exit(main())
