"""`render` through the command line: what it writes, what it says, and what it does not load."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from answer import Command


def change(project: Path, old: str, new: str) -> None:
    file = project / "dr.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def contents(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_a_fresh_folder_is_left_alone(project: Path, builder: Command) -> None:
    before = contents(project)

    answer = builder("render")

    assert (answer.code, answer.out) == (0, "templates is as dr.yaml says\n")
    assert contents(project) == before


def test_what_changed_is_written_and_named(project: Path, builder: Command) -> None:
    change(project, "memory_mb: 256", "memory_mb: 512")

    answer = builder("render")

    assert (answer.code, answer.out.splitlines()) == (
        0,
        [
            "wrote templates/manifest.json",
            "wrote templates/us-east-1/service.yaml",
            "wrote templates/us-west-2/service.yaml",
        ],
    )
    assert "MemorySize: 512" in (project / "templates" / "us-east-1" / "service.yaml").read_text()


def test_check_names_what_is_stale_and_writes_nothing(project: Path, builder: Command) -> None:
    change(project, "expire_noncurrent_days: 30", "expire_noncurrent_days: 31")
    before = contents(project)

    answer = builder("render", "--check")

    assert (answer.code, answer.out.splitlines()) == (
        3,
        [
            "stale templates/manifest.json",
            "stale templates/us-east-1/storage.yaml",
            "stale templates/us-west-2/storage.yaml",
        ],
    )
    assert contents(project) == before


def test_check_finds_nothing_after_rendering(project: Path, builder: Command) -> None:
    change(project, "timeout_s: 10", "timeout_s: 11")

    assert builder("render").code == 0
    assert builder("render", "--check").code == 0


def test_check_finds_a_template_that_was_edited(project: Path, builder: Command) -> None:
    template = project / "templates" / "us-west-2" / "service.yaml"
    template.write_text(template.read_text().replace("256", "512"))

    answer = builder("render", "--check")

    assert (answer.code, answer.out) == (3, "stale templates/us-west-2/service.yaml\n")


@pytest.mark.parametrize("suffix", ["prod", "pr-123", "x"])
def test_one_rendering_serves_every_environment(
    project: Path, builder: Command, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    assert builder("render", "--check", "--env", suffix).code == 0
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", suffix)
    assert builder("render", "--check").code == 0
    monkeypatch.delenv("ENVIRONMENT_SUFFIX")
    change(project, "environment: dev", f"environment: {suffix}")
    assert builder("render", "--check").code == 0


FLEET = 'fleet: {permission_model: self-managed, accounts: ["444455556666"]}'


@pytest.mark.linter
def test_a_fleet_is_written_beside_the_templates_and_gone_with_its_section(project: Path, builder: Command) -> None:
    before = contents(project)
    (project / "dr.yaml").write_text((project / "dr.yaml").read_text() + FLEET)
    files = ["administration-role.yaml", "execution-role.yaml", "fleet.yaml", "manifest.json"]

    stale, written = builder("render", "--check"), builder("render")

    assert (stale.code, stale.out.splitlines()) == (3, [f"stale templates/fleet/{file}" for file in files])
    assert (written.code, written.out.splitlines()) == (0, [f"wrote templates/fleet/{file}" for file in files])
    assert written.err == ""
    assert builder("render", "--check").code == 0
    assert builder("lint").code == 0

    change(project, FLEET, "")

    removed = builder("render")

    assert (removed.code, removed.out.splitlines()) == (0, [f"removed templates/fleet/{file}" for file in files])
    assert contents(project) == before


@pytest.mark.slow
def test_a_fleet_that_needs_a_bucket_says_so_when_it_is_rendered(project: Path, builder: Command) -> None:
    (project / "dr.yaml").write_text((project / "dr.yaml").read_text() + FLEET)
    handler = project / "lambda" / "python" / "index.py"
    handler.write_text(handler.read_text() + "# no\n" * 2000)

    answer = builder("render")

    assert answer.code == 0
    assert answer.err.startswith("note: fleet/fleet.yaml has ")
    assert answer.err.endswith("plan it with --artifacts-bucket, a bucket in us-west-2\n")


def test_a_template_that_no_set_holds_is_bad_input_and_nothing_is_written(project: Path, builder: Command) -> None:
    (project / "dr.yaml").write_text((project / "dr.yaml").read_text() + FLEET)
    handler = project / "lambda" / "python" / "index.py"
    handler.write_text(handler.read_text() + "# no\n" * 5000)
    before = contents(project)

    answer = builder("render")

    assert answer.code == 2
    assert "us-east-1/service.yaml: has " in answer.err
    assert contents(project) == before


def test_another_file_and_another_folder_can_be_named(project: Path, builder: Command, tmp_path: Path) -> None:
    (project / "dr.yaml").rename(project / "other.yaml")

    answer = builder("render", "--config", "other.yaml", "--assembly", "elsewhere")

    assert answer.code == 0
    assert (project / "elsewhere" / "manifest.json").read_bytes() == (
        project / "templates" / "manifest.json"
    ).read_bytes()


@pytest.mark.processes
def test_no_aws_library_and_no_linter_is_loaded(project: Path) -> None:
    loaded = (
        "import sys; from builder.cli.main import main; code = main(['render', '--check']);"
        "print(code, *sorted({'boto3', 'botocore', 'cfnlint', 'rich', 'asyncio'} & sys.modules.keys()))"
    )

    answer = subprocess.run([sys.executable, "-c", loaded], cwd=project, capture_output=True, text=True, check=True)

    assert answer.stdout.splitlines()[-1] == "0"


@pytest.mark.processes
def test_what_only_other_systems_take_is_not_loaded(project: Path) -> None:
    others = {
        "builder.assembly.fleet",
        "builder.assembly.own",
        "builder.assembly.package",
        "builder.components.alarms.stacks",
        "builder.components.drill.stacks",
        "builder.resource_types.facts",
    }
    loaded = "import sys; from builder.cli.main import main; main(['render']); print(*sys.modules)"

    answer = subprocess.run([sys.executable, "-c", loaded], cwd=project, capture_output=True, text=True, check=True)

    assert all(find_spec(name) for name in others)
    assert others.isdisjoint(answer.stdout.split())


@pytest.mark.processes
def test_no_garbage_is_looked_for_before_it_ends_nor_then(project: Path) -> None:
    code = """
import atexit, gc, sys
from builder.__main__ import run

looks = []
gc.callbacks.append(lambda phase, _: looks.append(phase))
atexit.register(lambda: print(len(looks), gc.get_freeze_count() > 10_000, len(gc.get_objects()) < 1_000))
sys.argv[1:] = ["render"]
sys.exit(run())
"""

    answer = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)

    assert answer.stdout.splitlines()[-1] == "0 True True"
