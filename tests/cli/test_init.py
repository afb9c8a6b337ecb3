"""`init` in this tree, and from a wheel in a folder that knows nothing of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Command

FILES = [
    "dr.yaml",
    "dr.schema.json",
    "lambda/python/index.py",
    "lambda/nodejs/index.js",
    ".github/workflows/deploy.yml",
]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder called shop, the working directory of the test."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_an_empty_folder_becomes_a_project(empty: Path, builder: Command) -> None:
    answer = builder("init")

    assert answer.code == 0
    assert answer.out.splitlines()[:5] == [f"wrote {file}" for file in FILES]
    assert answer.out.splitlines()[5].startswith("next:  python -m builder render ")
    assert sorted(path.relative_to(empty).as_posix() for path in empty.rglob("*") if path.is_file()) == sorted(FILES)


def test_the_project_renders_and_lints_clean(empty: Path, builder: Command) -> None:
    builder("init")

    assert builder("render").code == 0
    assert builder("render", "--check").code == 0
    assert builder("lint").code == 0
    assert "TableName: !Sub shop-${EnvironmentSuffix}-global" in (empty / "templates/us-east-1/table.yaml").read_text()


def test_the_other_handler_is_two_words_away(empty: Path, builder: Command) -> None:
    builder("init")
    text = (empty / "dr.yaml").read_text()
    for old, new in (
        ("runtime: python3.14", "runtime: nodejs24.x"),
        ("source: lambda/python", "source: lambda/nodejs"),
    ):
        text = text.replace(old, new)
    (empty / "dr.yaml").write_text(text)

    assert builder("render").code == 0
    assert "Runtime: nodejs24.x" in (empty / "templates/us-west-2/service.yaml").read_text()


def test_a_second_time_refuses_and_changes_nothing(empty: Path, builder: Command) -> None:
    builder("init")
    (empty / "dr.yaml").write_text("mine")

    answer = builder("init")

    assert answer.code == 2
    assert answer.err.splitlines()[0] == f"error: .: has {', '.join(FILES)} already, and nothing is overwritten"
    assert (empty / "dr.yaml").read_text() == "mine"


def test_a_folder_can_be_named(empty: Path, builder: Command) -> None:
    answer = builder("init", "orders")

    assert answer.code == 0
    assert "next:  cd orders && python -m builder render" in answer.out
    assert "project: orders" in (empty / "orders" / "dr.yaml").read_text()


def test_a_broken_dr_yaml_is_no_hindrance_elsewhere(empty: Path, builder: Command) -> None:
    (empty / "dr.yaml").write_text("[")

    assert builder("init", "orders").code == 0


def test_an_installed_package_needs_no_clone(installed: Path, empty: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "builder", *arguments]
        variables = os.environ | {"PYTHONPATH": str(installed)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, cwd=empty)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import builder; print(builder.__file__)"
    found = subprocess.check_output(
        [sys.executable, "-c", where], text=True, env=os.environ | {"PYTHONPATH": str(installed)}, cwd=empty
    )
    assert Path(found.strip()).is_relative_to(installed)
    assert run("init").startswith("wrote dr.yaml\n")
    assert (empty / "lambda/nodejs/index.js").read_bytes() == (ROOT / "lambda/nodejs/index.js").read_bytes()
    run("render")
    run("lint")


def test_the_wheel_holds_every_module_and_nothing_else(installed: Path) -> None:
    def modules(root: Path) -> set[str]:
        return {path.relative_to(root).as_posix() for path in root.rglob("*.py")}

    shipped = {f"builder/{module}" for module in modules(ROOT / "builder")}

    assert modules(installed) == shipped | {"builder/starter/handlers/python/index.py"}
    assert (installed / "builder" / "py.typed").is_file()
