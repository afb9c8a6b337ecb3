"""`init` in this tree, and from a wheel in a folder that knows nothing of it."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from answer import ROOT, Command

FILES = [
    "dr.yaml",
    "dr.schema.json",
    "lambda/python/index.py",
    "lambda/nodejs/index.js",
    "tests/test_templates.py",
    "requirements.txt",
    ".github/workflows/deploy.yml",
    ".gitignore",
    "README.md",
]
TEMPLATES = [
    f"templates/{path}"
    for path in (
        "manifest.json",
        *sorted(
            f"{region}/{stack}.yaml"
            for region, stack in (
                ("us-east-1", "service"),
                ("us-east-1", "storage"),
                ("us-east-1", "table"),
                ("us-west-2", "service"),
                ("us-west-2", "storage"),
            )
        ),
    )
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
    wrote = [f"wrote {file}" for file in (*FILES, *TEMPLATES)]
    assert answer.out.splitlines()[: len(wrote)] == wrote
    assert answer.out.splitlines()[len(wrote)].startswith("next:  python -m builder rehearse ")
    there = sorted(path.relative_to(empty).as_posix() for path in empty.rglob("*") if path.is_file())
    assert there == sorted([*FILES, *TEMPLATES])


@pytest.mark.linter
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
    assert "next:  cd orders && python -m builder rehearse" in answer.out
    assert "project: orders" in (empty / "orders" / "dr.yaml").read_text()


def test_a_broken_dr_yaml_is_no_hindrance_elsewhere(empty: Path, builder: Command) -> None:
    (empty / "dr.yaml").write_text("[")

    assert builder("init", "orders").code == 0


@pytest.mark.acceptance
def test_an_installed_package_needs_no_clone(installed: Path, empty: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "builder", *arguments]
        variables = os.environ | {"PYTHONPATH": str(installed)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, cwd=empty)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import builder; print(builder.__file__)"
    path = subprocess.check_output(
        [sys.executable, "-c", where], text=True, env=os.environ | {"PYTHONPATH": str(installed)}, cwd=empty
    )
    assert Path(path.strip()).is_relative_to(installed)
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


@pytest.mark.processes
def test_the_repository_is_clean_after_all_that_a_new_user_does(empty: Path, builder: Command) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=empty, capture_output=True, text=True, check=True
        ).stdout

    builder("init")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "a new project")
    for verb in (("render",), ("render", "--check"), ("lint",), ("graph",)):
        assert builder(*verb).code == 0
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=empty,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in tested.stdout, tested.stdout + tested.stderr
    (empty / "plan.json").write_text("{}")
    assert git("status", "--porcelain") == ""


class TestWheel:
    @pytest.fixture
    def wheel(self, tmp_path: Path) -> Path:
        made = tmp_path / "two_region_dr-1.2.3-py3-none-any.whl"
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("builder/__main__.py", "")
        return made

    def test_goes_to_vendor_and_is_pinned_by_its_hash(self, empty: Path, builder: Command, wheel: Path) -> None:
        assert builder("init", "--wheel", str(wheel)).code == 0
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        line = f"./vendor/{wheel.name} --hash=sha256:{digest}"
        assert (empty / "requirements.txt").read_text().splitlines()[-1] == line
        assert (empty / "vendor" / wheel.name).read_bytes() == wheel.read_bytes()

    def test_takes_the_place_of_an_earlier_one(self, empty: Path, builder: Command, wheel: Path) -> None:
        builder("init")
        (empty / "dr.yaml").write_text("mine")
        for version in ("1.2.3", "1.3.0"):
            wheel = wheel.rename(wheel.with_name(f"two_region_dr-{version}-py3-none-any.whl"))
            answer = builder("init", "--wheel", str(wheel))
            assert answer.out.splitlines() == ["wrote requirements.txt", f"wrote vendor/{wheel.name}"]
        lines = (empty / "requirements.txt").read_text().splitlines()
        assert [line for line in lines if "vendor" in line] == [lines[-1]]
        assert "1.3.0" in lines[-1]
        assert (empty / "dr.yaml").read_text() == "mine"

    @pytest.mark.parametrize("name", ["other-1.0-py3-none-any.whl", "two_region_dr-1.2.3-py3-none-any.whl", "none.whl"])
    def test_that_is_none_of_the_builder_s_is_refused(
        self, empty: Path, builder: Command, tmp_path: Path, name: str
    ) -> None:
        if name != "none.whl":
            (tmp_path / name).write_text("no zip")
        assert builder("init", "--wheel", str(tmp_path / name)).code == 2
        assert list(empty.iterdir()) == []

    @pytest.mark.processes
    def test_without_one_the_workflow_s_install_step_says_how(self, empty: Path, builder: Command) -> None:
        builder("init")
        workflow = yaml.safe_load((empty / ".github/workflows/deploy.yml").read_text())
        (install,) = [step["run"] for step in workflow["jobs"]["check"]["steps"] if step.get("name") == "Install"]
        done = subprocess.run(["bash", "-e", "-c", install], cwd=empty, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == (
            "::error::vendor/ has no wheel of two-region-dr: 'python -m builder init --wheel FILE' copies one there and"
            " pins it in requirements.txt\n"
        )
