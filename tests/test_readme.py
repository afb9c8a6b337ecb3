"""What the README shows is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder.local import EmbeddedAws

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
# What a test lacks: a person to type a name.
STAND_IN = r"""
set -euo pipefail
python() {
    if [ "${*: -1}" = destroy ]; then set -- "$@" --yes; fi
    command "$PYTHON" "$@"
}
"""


def shell_blocks() -> list[str]:
    return [text.strip() for language, text in BLOCKS if language == "shell"]


def test_the_gate_runs_the_readme_s_two_commands_to_the_letter() -> None:
    gate = (ROOT / ".ci" / "run").read_text()
    for command in shell_blocks()[:2]:
        assert command in gate


def test_the_session_against_an_account_goes_as_it_says(
    project: Path, credentials: None, embedded: EmbeddedAws
) -> None:
    done = subprocess.run(
        ["bash", "-c", "\n".join([STAND_IN, *shell_blocks()[2:]])],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tap-demo-global" in done.stdout
    assert done.stdout.count('{"total": 12.50}') == 2  # as it was put, and from the secondary
    assert "the primary is gone" in done.stdout
    assert "5 done, 0 failed, 0 not started" in done.stdout


@pytest.mark.processes
def test_the_picture_is_the_one_that_graph_draws(project: Path) -> None:
    shown = [text for language, text in BLOCKS if language == "mermaid"]

    drawn = subprocess.run([sys.executable, "-m", "builder", "graph"], capture_output=True, text=True, check=True)

    assert shown == [drawn.stdout], "stale: python scripts/goldens.py"


def test_the_picture_of_the_tree_names_every_folder() -> None:
    for folder in ("builder", "templates", "lambda", "scripts", "tests", "docs", "benchmarks"):
        assert f"{folder}/" in README
