from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.cli.main import main
from builder.errors import ExitCode
from components.own.project import GOOD, HERE, OwnProject

BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> OwnProject:
    return OwnProject.made(tmp_path_factory.mktemp("own"))


def test_the_good_file_is_good(project: OwnProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    assert project.errors(GOOD) == []


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            broken,
            id=broken["claim"],
            marks=[pytest.mark.processes] if broken["claim"].startswith("a Python template") else [],
        )
        for broken in BROKEN
    ],
)
def test_a_broken_file_is_told(project: OwnProject, broken: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    assert broken["replace"] in GOOD
    assert project.errors(GOOD.replace(broken["replace"], broken["by"], 1)) == broken["told"]


def test_the_table_of_broken_files_is_a_long_one() -> None:
    assert len(BROKEN) >= 80
    assert all(broken["told"] for broken in BROKEN)


def test_a_broken_file_ends_in_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = OwnProject.made(tmp_path)
    (project.folder / "dr.yaml").write_text(GOOD.replace("needs: [queue]", "needs: [quue]"))
    assert main(["render", "--config", str(project.folder / "dr.yaml")]) == ExitCode.BAD_INPUT
    assert "there is no stack quue (did you mean queue?)" in capsys.readouterr().err
