import configparser
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.config import load_config
from builder.config.model import Config, EnvironmentConfig
from builder.errors import BadInput
from builder.starter import read_starter, write_starter

ROOT = Path(__file__).parents[2]


def test_the_handlers_are_the_ones_of_the_tree() -> None:
    files = read_starter("shop")

    for path in ("lambda/python/index.py", "lambda/nodejs/index.js"):
        assert files[path] == (ROOT / path).read_bytes()


def test_the_schema_goes_along_for_editors() -> None:
    files = read_starter("shop")

    assert files["dr.yaml"].startswith(b"# yaml-language-server: $schema=dr.schema.json\n")
    assert files["dr.schema.json"] == (ROOT / "builder" / "config" / "dr.schema.json").read_bytes()


def test_the_commented_file_shows_every_key_there_is() -> None:
    text = read_starter("shop")["dr.yaml"].decode()
    keys = [*Config.model_fields, *EnvironmentConfig.model_fields]
    for field in Config.model_fields.values():
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
            keys += field.annotation.model_fields

    assert [key for key in keys if not re.search(rf"^[# ]*{key}:", text, re.MULTILINE)] == []


def test_what_is_commented_out_can_be_taken_in(tmp_path: Path) -> None:
    text = read_starter("shop")["dr.yaml"].decode()
    all_in = re.sub(r"^( *)# ( *(?:[a-z_]+:[ \n{]))", r"\1\2", text.split("\n\n", 1)[1], flags=re.MULTILINE)

    config = Config.model_validate(yaml.safe_load(all_in))

    assert config.tags
    assert config.function
    assert config.function.environment
    assert config.environments["prod"].role_arn


WORKFLOW = yaml.safe_load(read_starter("shop")[".github/workflows/deploy.yml"])


def steps(job: str) -> list[dict[str, Any]]:
    return list(WORKFLOW["jobs"][job]["steps"])


def test_the_workflow_checks_before_it_plans_and_executes_what_was_planned_alone() -> None:
    needs = {name: job.get("needs") for name, job in WORKFLOW["jobs"].items()}
    assert needs == {"check": None, "review": "check", "plan": "check", "execute": "plan"}
    ours = {
        job: [step["run"].split()[3] for step in steps(job) if step.get("run", "").startswith("python -m builder")]
        for job in WORKFLOW["jobs"]
    }
    assert ours == {
        "check": ["rehearse"],
        "review": ["discard"],
        "plan": [],
        "execute": ["execute", "outputs"],
    }
    planned = [step["run"] for job in ("review", "plan") for step in steps(job) if step.get("id") == "plan"]
    assert len(planned) == 2
    assert planned[0] == planned[1]
    assert "python -m builder plan --detailed-exitcode" in planned[0]
    assert {name: job.get("environment") for name, job in WORKFLOW["jobs"].items() if "environment" in job} == {
        "plan": "plan",
        "execute": "deploy",
    }


def test_nothing_unpublished_is_installed_by_its_name_where_a_job_holds_an_identity() -> None:
    for job in WORKFLOW["jobs"]:
        installs = [line for step in steps(job) for line in step.get("run", "").splitlines() if "pip install" in line]
        assert installs == ["python -m pip install --require-hashes --no-deps -r requirements.txt"]
    text = read_starter("shop")["requirements.txt"].decode()
    for requirement in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
        assert re.match(r"[a-z0-9-]+==\S+", requirement)
        assert "--hash=sha256:" in requirement


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [step["uses"] for job in WORKFLOW["jobs"] for step in steps(job) if "uses" in step]
    assert len(used) > 10
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []


def test_the_requirements_are_what_the_package_wants() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    requirements = setup["options"]["install_requires"] + setup["options.extras_require"]["local"]
    text = read_starter("shop")["requirements.txt"].decode()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))
    for line in requirements.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), line


@pytest.mark.processes
@pytest.mark.parametrize("place", ["builder/starter/files", ".github/workflows"])
def test_zizmor_finds_nothing_in_the_workflows(place: str) -> None:
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--persona=pedantic", "--no-progress", *sorted((ROOT / place).glob("*.yml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("folder", "project"),
    [
        ("shop", "shop"),
        ("My Shop_2", "my-shop-2"),
        ("2026-shop", "shop"),
        ("a-very-long-folder-name-for-a-shop", "a-very-long-folder-n"),
        ("nineteen-characters-x", "nineteen-characters"),
        ("", "tap"),
        ("123", "tap"),
        ("漢字", "tap"),
    ],
)
def test_the_project_is_called_after_the_folder_as_far_as_names_can_be(folder: str, project: str) -> None:
    assert yaml.safe_load(read_starter(folder)["dr.yaml"])["project"] == project


class TestWriting:
    def test_makes_the_folder(self, tmp_path: Path) -> None:
        write_starter(tmp_path / "new" / "shop", {"a/b": b"c"})

        assert (tmp_path / "new" / "shop" / "a" / "b").read_bytes() == b"c"

    def test_overwrites_nothing_and_then_writes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_text("mine")

        with pytest.raises(BadInput, match="has b already, and nothing is overwritten") as caught:
            write_starter(tmp_path, {"a": b"", "b": b""})

        assert caught.value.next_step == "python -m builder init EMPTY_FOLDER"
        assert [path.name for path in tmp_path.iterdir()] == ["b"]
        assert (tmp_path / "b").read_text() == "mine"

    def test_into_a_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(BadInput, match="cannot be written to"):
            write_starter(tmp_path / "file", {"a": b""})


@pytest.mark.parametrize("folder", ["no", "On", "y", "null"])
def test_a_folder_whose_name_is_no_text_to_yaml_gives_a_project_all_the_same(folder: str, tmp_path: Path) -> None:
    files = read_starter(folder)
    assert f"project: '{folder.lower()}' # ".encode() in files["dr.yaml"]
    write_starter(tmp_path, files)
    assert load_config(tmp_path / "dr.yaml").config.project == folder.lower()
