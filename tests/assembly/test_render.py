import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builder.assembly import Assembly, read_assembly
from builder.assembly.manifest import StackEntry, write_manifest
from builder.assembly.render import make_assembly
from builder.terms import StackId
from loaded_config import make_loaded_config

ROOT = Path(__file__).parents[2]
THREE = {"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"]}


def entry(assembly: Assembly, stack: str) -> StackEntry:
    return assembly.manifest.entry(StackId(stack))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestManifest:
    def test_names_each_template_by_region_and_kind_with_its_hash(self) -> None:
        made = make_assembly(make_loaded_config())

        for stack in made.manifest.stacks:
            assert stack.template == f"{stack.id}.yaml"
            assert stack.sha256 == hashlib.sha256(made.templates[stack.template]).hexdigest()
        assert made.templates.keys() == {stack.template for stack in made.manifest.stacks}

    def test_leaves_the_environment_to_be_bound(self) -> None:
        made = make_assembly(make_loaded_config(environment="prod"))

        assert entry(made, "us-west-2/service").parameters == {
            "EnvironmentSuffix": "${EnvironmentSuffix}",
            "Role": "secondary",
            "BornAs": "secondary",
        }
        assert b"prod" not in write_manifest(made.manifest) + b"".join(made.templates.values())

    def test_carries_the_tags_to_every_stack(self) -> None:
        made = make_assembly(make_loaded_config(tags={"team": "core"}))

        assert all(stack.tags == {"team": "core"} for stack in made.manifest.stacks)

    def test_has_the_promised_outputs_the_urls_first(self) -> None:
        assert list(make_assembly(make_loaded_config()).manifest.outputs) == [
            "primaryLambdaUrl",
            "secondaryLambdaUrl",
            "globalTableName",
            "primaryBucketName",
            "secondaryBucketName",
        ]

    def test_has_an_output_a_region_with_several_secondaries(self) -> None:
        assert list(make_assembly(make_loaded_config(regions=THREE)).manifest.outputs) == [
            "primaryLambdaUrl",
            "secondaryLambdaUrl",
            "lambdaUrl.eu-central-1",
            "lambdaUrl.eu-west-1",
            "lambdaUrl.eu-north-1",
            "globalTableName",
            "primaryBucketName",
            "secondaryBucketName",
            "bucketName.eu-central-1",
            "bucketName.eu-west-1",
            "bucketName.eu-north-1",
        ]


class TestTemplates:
    def test_of_the_service_are_the_same_bytes_in_every_region(self) -> None:
        made = make_assembly(make_loaded_config(regions=THREE))

        assert len({made.templates[f"{region}/service.yaml"] for region in made.manifest.regions}) == 1

    @pytest.mark.parametrize(
        "sections",
        [{}, {"regions": THREE}, {"function": {"url_auth": "NONE"}}, {"tags": {"b": "1", "a": "2"}}],
        ids=["default", "three regions", "open", "tags"],
    )
    def test_are_the_same_bytes_for_the_same_config(self, sections: dict[str, Any]) -> None:
        first, second = (make_assembly(make_loaded_config(**sections)) for _ in range(2))

        assert first == second


@pytest.mark.processes
def test_the_committed_templates_are_what_dr_yaml_leads_to(tmp_path: Path) -> None:
    for name in ("dr.yaml", "lambda"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)

    render(tmp_path, config="dr.yaml")

    assert files(tmp_path / "templates") == files(ROOT / "templates")
    assert read_assembly(ROOT / "templates").manifest.project == "tap"


@pytest.mark.processes
def test_neither_working_directory_nor_hash_seed_changes_a_byte(tmp_path: Path) -> None:
    assemblies = []
    for seed, start in (("0", "."), ("1", ".."), ("4242", "/")):
        folder = tmp_path / seed
        folder.mkdir()
        (folder / "dr.yaml").write_text(
            "project: tap\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2, eu-west-1]}\n"
            "table:\nbucket:\n"
            "tags: {b: '1', a: '2', c: '3'}\nfunction: {environment: {BB: '1', AA: '2', CC: '3'}, source: code}\n"
        )
        (folder / "code").mkdir()
        (folder / "code" / "index.py").write_text("def handler(event, context): ...\n")
        config = "dr.yaml" if start == "." else str(folder / "dr.yaml")
        render(folder / start, config=config, PYTHONHASHSEED=seed)
        assemblies.append(files(folder / "templates"))

    assert assemblies[0] == assemblies[1] == assemblies[2]
    assert len(assemblies[0]) == 8


def render(start: Path, config: str, **variables: str) -> None:
    """Run `render` in a process of its own, started in the given folder."""
    command = [sys.executable, "-m", "builder", "--config", config, "render"]
    path = {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=start, env=os.environ | path | variables, check=True, capture_output=True)
