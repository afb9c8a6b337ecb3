"""The scripts, run as pipelines run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def without_the_pure_side(tmp_path: Path) -> dict[str, str]:
    """An environment in which troposphere, awacs and cfn-lint cannot be imported."""
    for name in ("troposphere", "awacs", "cfnlint"):
        (tmp_path / "poison").mkdir(exist_ok=True)
        (tmp_path / "poison" / f"{name}.py").write_text("raise ImportError(__name__)\n")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "poison")}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "deploy.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_assembly_is_deployed_without_what_rendered_it(
    project: Path, credentials: None, without_the_pure_side: dict[str, str]
) -> None:
    (project / "dr.yaml").unlink()
    assert run(without_the_pure_side, "plan").returncode == 2  # no environment named
    environment = {**without_the_pure_side, **{k: v for k, v in os.environ.items() if k.startswith("AWS_")}}
    for arguments in (
        ["plan", "--env", "ci"],
        ["execute", "plan.json"],
        ["--assembly", "templates", "outputs", "--env=ci"],
    ):
        done = run(environment, *arguments)
        assert done.returncode == 0, done.stderr
    done = run(environment, "outputs", "--json", "--env", "ci")
    assert json.loads(done.stdout)["globalTableName"] == "tap-ci-global"
    assert run(environment, "destroy", "--yes", "--env", "ci").returncode == 0
