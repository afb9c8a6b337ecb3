import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"

Found = dict[str, list[str]]


@cache
def run_cfnlint(appended: str) -> Found:
    """Return the ids that a cfn-lint of its own finds in every fixture, by `good/E9001.yaml` and the like."""
    files = sorted(str(path) for path in FIXTURES.glob("*/*.yaml"))
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--config-file", "/dev/null", "--format", "json"]
    done = subprocess.run(
        [*command, "--regions", "us-east-1", "--append-rules", appended, "--", *files],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert not done.stderr, done.stderr
    found: Found = defaultdict(list)
    for match in json.loads(done.stdout):
        found[Path(match["Filename"]).relative_to(FIXTURES).as_posix()].append(match["Rule"]["Id"])
    return found


@pytest.fixture(scope="session")
def cfnlint() -> Callable[[str], Found]:
    return run_cfnlint
