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
CFN_LINT = str(Path(sys.executable).parent / "cfn-lint")

RuleIds = dict[str, set[str]]


@cache
def run_cfnlint(pattern: str, *arguments: str) -> RuleIds:
    """Return the ids that a cfn-lint of its own finds in the fixtures of a pattern, by `bad/E9501.yaml` and the like.

    One process for all of them: loading cfn-lint takes longer than linting thirty templates.
    """
    files = sorted(str(path) for path in FIXTURES.glob(pattern))
    command = [CFN_LINT, *files, *arguments, "--regions", "us-east-1", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert not done.stderr, done.stderr
    ids: RuleIds = defaultdict(set)
    for match in json.loads(done.stdout):
        ids[Path(match["Filename"]).relative_to(FIXTURES).as_posix()].add(match["Rule"]["Id"])
    return ids


@pytest.fixture(scope="session")
def cfnlint(processes: None) -> Callable[..., RuleIds]:
    return run_cfnlint
