"""Destroying a deployment whose bucket holds 100,000 versions, on the embedded AWS: calls, time and memory.

The shipped assembly is deployed, replication is stopped, and the primary bucket is filled by a process of its own: a
part with versions put one by one, the rest with delete markers, which S3 makes by the thousand and lists and deletes
like versions. Then this process destroys it all. Exits 1 where anything is left, where more calls were made than the
pages ask for, or where the process grew by more than its limit, whatever the number of versions.

    python benchmarks/destroy.py [--versions 100000] [--puts 10000]
"""

import argparse
import asyncio
import collections
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import boto3
from botocore.config import Config

from builder.assembly import read_assembly
from builder.aws import Clients
from builder.deploy import (
    Deployment,
    Done,
    Outcome,
    PlanId,
    Progress,
    Removal,
    TrustedInput,
    delete_deployment,
    execute_plan,
    find_deployed,
    make_deployment,
    make_plan,
)
from builder.local import EmbeddedAws
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"
BUCKET = f"tap-dev-{ACCOUNT}-us-east-1-an"
PAGE = 1000
GROWTH_LIMIT_MB = 40.0
SAMPLE_S = 0.05


def main() -> int:
    """Measure, print and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", type=int, default=100_000)
    parser.add_argument("--puts", type=int, default=10_000)
    options = parser.parse_args()
    with EmbeddedAws() as aws:
        os.environ.update(
            AWS_ENDPOINT_URL=aws.endpoint,
            AWS_ACCESS_KEY_ID=ACCOUNT,
            AWS_SECRET_ACCESS_KEY="none",  # noqa: S106
        )
        assembly = read_assembly(ROOT / "templates")
        deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
        calls: collections.Counter[str] = collections.Counter()
        clients = Clients(
            boto3.Session(region_name="us-east-1"), on_request=lambda line: calls.update([line.split(" ")[0]])
        )
        asyncio.run(deploy(deployment, clients))
        # A process of its own: what it leaves in memory is not the deployer's.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            made_s = apart.submit(fill, aws.endpoint, options.versions, min(options.puts, options.versions)).result()
        print(f"made {options.versions:,} versions in {made_s:.1f} s")
        calls.clear()
        return measure(deployment, clients, calls, options.versions)


def measure(deployment: Deployment, clients: Clients, calls: "collections.Counter[str]", versions: int) -> int:
    """Destroy, print what that took, and return the exit code."""
    events: list[Progress] = []
    with Peak() as peak:
        started = time.perf_counter()
        ended = asyncio.run(delete_stack(deployment, clients, events))
        took_s = time.perf_counter() - started
    pages = -(-versions // PAGE)
    s3_calls = calls["s3.DeleteObjects"] + calls["s3.ListObjectVersions"]
    # Each bucket is listed once more to see that nothing is left.
    most = 2 * pages + 2
    left = asyncio.run(find_deployed(deployment.name, deployment.sites, clients))
    print(f"destroyed in {took_s:.1f} s, {versions / took_s:,.0f} versions/s; {sum(calls.values()):,} calls:")
    print("".join(f"  {count:5,}  {name}\n" for name, count in calls.most_common()), end="")
    print(f"emptying: {s3_calls} calls (at most {most}), {pages} pages of {PAGE:,}; {len(events)} events")
    print(f"memory: {peak.before_mb:.1f} MB before, grew by {peak.growth_mb:.1f} MB (at most {GROWTH_LIMIT_MB:.0f})")
    print(f"left: {len(left)} stacks")
    done = all(isinstance(outcome, Done) for outcome in ended) and not left
    return int(not done or s3_calls > most or peak.growth_mb > GROWTH_LIMIT_MB)


async def deploy(deployment: Deployment, clients: Clients) -> None:
    """Deploy it all and let nothing replicate."""
    plan_id = PlanId(id="bench", at="2026-01-01T00:00:00+00:00")
    plan = await make_plan(deployment, clients, plan_id, lambda _: None)
    ended = await execute_plan(plan, TrustedInput(deployment=deployment, is_own=True), clients, lambda _: None)
    if not all(isinstance(outcome, Done) for outcome in ended):
        sys.exit(f"the deployment failed: {ended}")
    clients.s3(Region("us-east-1")).delete_bucket_replication(Bucket=BUCKET)


async def delete_stack(deployment: Deployment, clients: Clients, events: list[Progress]) -> tuple[Outcome, ...]:
    """Destroy all that stands of the deployment."""
    stacks = await find_deployed(deployment.name, deployment.sites, clients)
    needs = {stack.id: stack.needs for stack in deployment.stacks}
    return await delete_deployment(Removal(stacks=stacks, needs=needs), clients, "bench", events.append)


def fill(endpoint: str, versions: int, puts: int) -> float:
    """Make so many versions, the first by putting objects; return the seconds it took."""
    config = Config(max_pool_connections=16)
    s3: S3Client = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint, config=config)
    started = time.perf_counter()
    with ThreadPoolExecutor(16) as threads:
        # Ten versions a key.
        list(threads.map(lambda n: s3.put_object(Bucket=BUCKET, Key=f"put/{n // 10:06d}", Body=b"x"), range(puts)))
        list(threads.map(lambda n: mark(s3, n, min(n + PAGE, versions)), range(puts, versions, PAGE)))
    return time.perf_counter() - started


def mark(s3: "S3Client", first: int, end: int) -> None:
    """Make delete markers, one a key, in one request."""
    s3.delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": f"mark/{n:06d}"} for n in range(first, end)], "Quiet": True}
    )


class Peak:
    """How much memory this process takes at most, sampled while the block runs."""

    def __enter__(self) -> Self:
        self.before_mb = self._most_mb = resident_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        """By how much the most is over what it was before."""
        return self._most_mb - self.before_mb

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self._most_mb = max(self._most_mb, resident_mb())


def resident_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
