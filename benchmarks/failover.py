"""A failover drill at 50 requests a second on the embedded AWS: how many requests the failover client loses.

The shipped assembly is deployed and both regions' workers are warmed by concurrent requests first: the emulator starts
processes for requests that find none free, and a drill of those starts would measure this machine. Exits 1 where an
acknowledged write is missing or different in a region once replication has caught up, or where more than MOST_LOST
requests are lost.

    python benchmarks/failover.py [--rate 50]
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from builder.cli.main import main as builder
from builder.errors import ExitCode
from builder.local import EmbeddedAws
from builder.rehearsal.stage import isolated
from builder.rehearsal.use import Visitor

ACCOUNT = "123456789012"
ROOT = Path(__file__).resolve().parent.parent
WARM = 8
MOST_LOST = 32


def main() -> int:
    """Print what was sent, acknowledged and lost, and the RTO; return 1 where a limit is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=float, default=50)
    rate = options.parse_args().rate
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, "us-east-1"), tempfile.TemporaryDirectory() as folder:
        _run("deploy", "--yes")
        _warm(Visitor(aws.endpoint, ACCOUNT, signs=False), json.loads(_run("outputs", "--json")))
        periods = ("--before", "2", "--outage", "4", "--after", "6", "--drills", folder)
        _run("drill", "failover", "--rate", str(rate), *periods)
        report = json.loads(next(Path(folder).glob("*/report.json")).read_text())
    return _judge(report, rate)


def _run(*words: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = builder(["--config", str(ROOT / "dr.yaml"), *words])
    if code not in {ExitCode.DONE, ExitCode.FAILED}:
        raise SystemExit(f"builder {' '.join(words)} ended in {code}")
    return out.getvalue()


def _warm(visitor: Visitor, outputs: dict[str, str]) -> None:
    urls = [*{value for value in outputs.values() if value.startswith("https://")}] * WARM
    with ThreadPoolExecutor(len(urls)) as pool:
        list(pool.map(lambda url: visitor.call("GET", url + "health"), urls))


def _judge(report: dict[str, Any], rate: float) -> int:
    requests, reconciled, episode = report["requests"], report["reconciliation"], report["episode"]
    lost, broken = len(requests["lost"]), len(reconciled["missing"]) + len(reconciled["conflicting"])
    print(f"{rate:g} requests a second: {requests['sent']} sent, {requests['acknowledged']} acknowledged, {lost} lost")
    rto_s = report["outage"]["seconds"]
    print(f"RTO {'not reached' if rto_s is None else f'{rto_s:.3f} s'}, longest gap {episode['longest_gap_s']:.3f} s")
    print(f"{broken} of {reconciled['acknowledged']} acknowledged writes are missing or different in a region (0)")
    for reason in report["not_measured"]:
        print(f"not measured: {reason}")
    return int(broken > 0 or lost > MOST_LOST)


if __name__ == "__main__":
    sys.exit(main())
