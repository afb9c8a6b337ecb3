"""The scripts, run as pipelines run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


NEEDED = ("boto3", "click", "pydantic", "PyYAML", "rich")
"""What a pipeline installs beside this package."""


@pytest.fixture(scope="session")
def pipeline(installed: Path, processes: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv that has this package and what deploying needs, and nothing that renders or lints."""
    folder = tmp_path_factory.mktemp("pipeline")
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *NEEDED], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "this_package.pth").write_text(f"{installed}\n")
    return python


def run(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, ROOT / "scripts" / "deploy.py", *arguments],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_pipeline_cannot_render_or_lint(pipeline: Path) -> None:
    for name in ("troposphere", "awacs", "cfnlint", "ministack"):
        done = subprocess.run([pipeline, "-c", f"import {name}"], capture_output=True, check=False)
        assert b"ModuleNotFoundError" in done.stderr


@pytest.mark.acceptance
def test_an_assembly_is_deployed_without_what_rendered_it(project: Path, credentials: None, pipeline: Path) -> None:
    (project / "dr.yaml").unlink()
    assert run(pipeline, "plan").returncode == 2  # no environment named
    for arguments in (
        ["plan", "--env", "ci"],
        ["execute", "plan.json", "--env", "ci"],
        ["--assembly", "templates", "outputs", "--env=ci"],
    ):
        done = run(pipeline, *arguments)
        assert done.returncode == 0, done.stderr
    done = run(pipeline, "outputs", "--json", "--env", "ci")
    assert json.loads(done.stdout)["globalTableName"] == "tap-ci-global"
    assert run(pipeline, "destroy", "--yes", "--env", "ci").returncode == 0
