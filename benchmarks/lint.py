"""How much `python -m builder lint` costs over one bare cfn-lint: whole processes, in pairs, the ratio of each pair.

    python benchmarks/lint.py [RUNS]

The floor is `cfn-lint` alone over the same templates, all regions in one run, without our rules, without regions held
apart and without the checks that span templates. The two of a pair run one after the other, each first in every other
pair, so that what else the machine does weighs on both. Exits 1 where the median of the ratios is over its limit, or
where the templates have findings, which would make it a measurement of something else.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.25


def main() -> int:
    """Measure both and return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    commands = make_commands()
    pairs = [measure_pair(commands, reverse=bool(number % 2)) for number in range(runs + 1)][1:]
    ratio = statistics.median(pair["lint"] / pair["bare"] for pair in pairs)
    lint, bare = (statistics.median(pair[name] for pair in pairs) * 1000 for name in ("lint", "bare"))
    print(
        f"lint / bare cfn-lint: {ratio:.2f} (at most {LIMIT}), the median of {runs} pairs; "
        f"medians {lint:.0f} ms and {bare:.0f} ms"
    )
    return int(ratio > LIMIT)


def make_commands() -> dict[str, list[str]]:
    """Return both commands, over the templates of the shipped assembly."""
    stacks = json.loads((ROOT / "templates/manifest.json").read_text(encoding="utf-8"))["stacks"]
    files = [f"templates/{stack['template']}" for stack in stacks]
    regions = sorted({stack["region"] for stack in stacks})
    bare = ["--config-file", "/dev/null", "--include-checks", "I", "--regions", *regions, "--", *files]
    return {
        "lint": [sys.executable, "-m", "builder", "lint"],
        "bare": [sys.executable, "-c", "from cfnlint.runner import main; main()", *bare],
    }


def measure_pair(commands: dict[str, list[str]], *, reverse: bool) -> dict[str, float]:
    """Return the seconds of each command, run one after the other."""
    return {name: measure(commands[name]) for name in sorted(commands, reverse=reverse)}


def measure(command: list[str]) -> float:
    """Return the seconds a process takes; it must find nothing."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
