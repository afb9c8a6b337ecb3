"""How close a deployment comes to its critical path: the default topology on the fake AWS, which takes its time.

In real time: stacks of about 4 s (storage), 10 s (table) and 6 s (service), change sets of about 2 s, each off by up to
30 %, anew for each seed; a first deployment, then an update of both services, then a run without changes. In virtual
time: stacks of 25, 60 and 35 s. The bound is the slowest change set plus the critical path over the needs, which no
tool that plans all before it executes can beat. Exits 1 where a figure is over its limit.

    python benchmarks/deploy.py [--seeds 20] [--workers 4]
"""

import argparse
import asyncio
import random
import statistics
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from builder.aws import Clients  # noqa: E402  the path comes first
from builder.deploy import Deployment, Done, PlanId, TrustedInput, execute_plan, make_plan  # noqa: E402
from builder.terms import StackId  # noqa: E402
from deploy.rig import ACCOUNT, edited, shipped  # noqa: E402
from fake_aws import World, run_virtual  # noqa: E402

CHANGE_SET_S = 2.0
PAGE = 100
REAL_S = {"storage": 4.0, "table": 10.0, "service": 6.0}
FIRST_CALLS = 64
"""Of a first deployment; four of them ask whether its table, in both regions, and its buckets exist already."""
VIRTUAL_S = {"storage": 25.0, "table": 60.0, "service": 35.0}
SLOW = {"storage": "Bucket", "table": "Table", "service": "Function"}
"""The resource that takes the stack's whole time."""
SERVICES = (StackId("us-east-1/service"), StackId("us-west-2/service"))
Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one deployment took."""

    ratio: float
    """Makespan over bound."""
    calls: int


@dataclass(slots=True)
class Stage:
    """A world whose stacks and change sets take what was drawn for them."""

    world: World
    run: Run
    stacks_s: dict[StackId, float]
    change_sets_s: dict[StackId, float]

    def deploy(self, deployment: Deployment, plan_id: str) -> tuple[float, int]:
        """Plan and execute; return the seconds and the calls it took."""
        clients = Clients(self.world.session(ACCOUNT))
        began, calls = self.world.now, len(self.world.calls)

        async def work() -> None:
            plan = await make_plan(
                deployment, clients, PlanId(id=plan_id, at="2026-01-01T00:00:00+00:00"), print_nothing
            )
            ended = await execute_plan(plan, TrustedInput(deployment=deployment, is_own=True), clients, print_nothing)
            assert all(isinstance(outcome, Done) for outcome in ended), ended  # noqa: S101

        self.run(work)
        return self.world.now - began, len(self.world.calls) - calls

    def first_bound_s(self) -> float:
        """Return the slowest change set plus the longest way through the needs."""
        ends: dict[StackId, float] = {}
        for stack in shipped().stacks:  # each after those that it needs
            ends[stack.id] = self.stacks_s[stack.id] + max((ends[need] for need in stack.needs), default=0.0)
        return max(self.change_sets_s.values()) + max(ends.values())

    def update_bound_s(self) -> float:
        """Return the same for both services alone."""
        return max(self.change_sets_s[stack] for stack in SERVICES) + max(self.stacks_s[stack] for stack in SERVICES)


def print_nothing(_: object) -> None:
    """Hear an event."""


def make_stage(world: World, run: Run, durations_s: dict[str, float], off: Callable[[], float]) -> Stage:
    """Return a stage on which each stack and change set takes its seconds times what `off` draws."""
    stage = Stage(world, run, {}, {})
    world.script.takes(0)
    world.script.takes(0, action="STACK")
    for stack in shipped().stacks:
        kind = stack.id.partition("/")[2]
        stage.stacks_s[stack.id] = seconds = durations_s[kind] * off()
        stage.change_sets_s[stack.id] = making = CHANGE_SET_S * off()
        world.script.takes(seconds, resource=SLOW[kind], region=stack.region)
        world.script.takes(making, action="CREATE_CHANGE_SET", stack=stack.name, region=stack.region)
    return stage


def in_real_time(seed: int) -> tuple[Figure, Figure, int]:
    """Return the figures of a first deployment and of an update, and the calls of a run without changes."""
    return measure(seed, World(seed=seed, real_time=True, page_size=PAGE), run_real)


def as_if_in_real_time(seed: int) -> tuple[Figure, Figure, int]:
    """Return the same, computed in virtual time, which other work on the machine does not disturb."""
    return measure(seed, World(seed=seed, page_size=PAGE), run_virtual)


def measure(seed: int, world: World, run: Run) -> tuple[Figure, Figure, int]:
    """Deploy, update and change nothing in this world."""
    draw = random.Random(seed)  # noqa: S311 - durations
    stage = make_stage(world, run, REAL_S, lambda: draw.uniform(0.7, 1.3))
    first_s, first_calls = stage.deploy(shipped(), "first")
    update_s, update_calls = stage.deploy(updated(), "update")
    _, no_calls = stage.deploy(updated(), "nothing")
    return (
        Figure(first_s / stage.first_bound_s(), first_calls),
        Figure(update_s / stage.update_bound_s(), update_calls),
        no_calls,
    )


def in_virtual_time() -> float:
    """Return the ratio of a first deployment with long-running stacks."""
    stage = make_stage(World(page_size=PAGE), run_virtual, VIRTUAL_S, lambda: 1.0)
    return stage.deploy(shipped(), "first")[0] / stage.first_bound_s()


def run_real(work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Run the work in real time, as the command line does."""
    asyncio.run(work())


def updated() -> Deployment:
    """Return the shipped system with one setting of both functions changed."""
    deployment = shipped()
    for service in SERVICES:
        deployment = edited(deployment, service, "MemorySize: 256", "MemorySize: 512")
    return deployment


def tell(name: str, figures: list[Figure], most_calls: int | None) -> bool:
    """Print what the seeds amount to; return whether it is within its limits."""
    ratios, calls = [figure.ratio for figure in figures], [figure.calls for figure in figures]
    median, usual = statistics.median(ratios), statistics.median(calls)
    limit = f" (at most {most_calls})" if most_calls else ""
    print(
        f"{name}: makespan over bound, median {median:.3f} (at most 1.10), worst {max(ratios):.3f}; "
        f"calls, median {usual:.0f}{limit}, most {max(calls)}"
    )
    return median <= 1.10 and (most_calls is None or usual <= most_calls)


def main() -> int:
    """Measure, print and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=4, help="runs side by side; most of the time all of them wait")
    parser.add_argument("--virtual", action="store_true", help="the same seeds in virtual time: no machine is too busy")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        runs = list(pool.map(as_if_in_real_time if options.virtual else in_real_time, range(options.seeds)))
    good = [
        tell("first deployment", [first for first, _, _ in runs], FIRST_CALLS),
        tell("update of both services", [update for _, update, _ in runs], None),
    ]
    idle = max(calls for _, _, calls in runs)
    print(f"a run without changes: {idle} calls (at most 10)")
    virtual = in_virtual_time()
    print(f"in virtual time, stacks of 25, 60 and 35 s: {virtual:.3f} (at most 1.04)")
    return 0 if all(good) and idle <= 10 and virtual <= 1.04 else 1


if __name__ == "__main__":
    sys.exit(main())
