"""The buckets for code and templates: which stacks are rendered for them, and what takes their names."""

import json
from pathlib import Path
from typing import Any

import pytest

from builder.assembly import Assembly
from builder.assembly.assets import BUCKET_PARAMETER
from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.errors import BadInput, BuilderError
from builder.terms import StackId

BARE = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
WORKER = f"{BARE}stacks: {{worker: {{template: worker.yaml, regions: primary}}, plain: {{template: plain.yaml}}}}\n"
CODE = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: src}}}\n"
OWN = "shop-${EnvironmentSuffix}-artifacts-${AWS::AccountId}-us-east-1-an"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("x = 1\n")
    (tmp_path / "worker.yaml").write_text(CODE)
    (tmp_path / "plain.yaml").write_text("Resources: {T: {Type: AWS::SNS::Topic}}\n")
    return tmp_path


def assembly_of(folder: Path, text: str = WORKER) -> Assembly:
    (folder / "dr.yaml").write_text(text)
    return make_assembly(load_config(Path("dr.yaml")))


def parameters(assembly: Assembly, stack: str = "us-east-1/worker") -> dict[str, Any]:
    return dict(assembly.manifest.entry(StackId(stack)).parameters)


def test_a_bucket_is_made_where_something_is_taken_from_one_and_comes_first(folder: Path) -> None:
    assembly = assembly_of(folder)
    ids = [entry.id for entry in assembly.manifest.stacks]
    assert ids == ["us-east-1/artifacts", "us-east-1/worker", "us-east-1/plain", "us-west-2/plain"]
    assert assembly.manifest.entry(StackId("us-east-1/worker")).needs == ("us-east-1/artifacts",)
    assert assembly.manifest.artifacts_bucket == OWN.replace("us-east-1", "{region}")
    assert parameters(assembly) == {BUCKET_PARAMETER: OWN}
    assert [asset.source for asset in assembly.assets] == ["src"]


def test_its_name_is_the_one_that_stacks_are_given(folder: Path) -> None:
    template = assembly_of(folder).templates["us-east-1/artifacts.yaml"].decode()
    assert f"BucketName: !Sub {OWN.replace('us-east-1', '${AWS::Region}')}" in template
    for part in ("BucketNamespace: account-regional", "RestrictPublicBuckets: true", "aws:SecureTransport", "AES256"):
        assert part in template
    assert "Expiration" not in template


def test_nothing_of_it_is_there_where_nothing_travels(folder: Path) -> None:
    assembly = assembly_of(folder, f"{BARE}stacks: {{plain: {{template: plain.yaml}}}}\n")
    assert (assembly.manifest.artifacts_bucket, assembly.assets) == (None, ())
    assert "artifacts.yaml" not in str(assembly.templates.keys())


def test_a_template_that_no_request_takes_wants_a_bucket_too(folder: Path) -> None:
    (folder / "plain.yaml").write_text("Resources: {T: {Type: AWS::SNS::Topic}}\n" + "# long\n" * 8000)
    assembly = assembly_of(folder, f"{BARE}stacks: {{plain: {{template: plain.yaml}}}}\n")
    assert [entry.id for entry in assembly.manifest.stacks][:2] == ["us-east-1/artifacts", "us-west-2/artifacts"]
    assert parameters(assembly, "us-east-1/plain") == {}


def test_a_bucket_of_one_s_own_takes_the_place_of_all_that(folder: Path) -> None:
    assembly = assembly_of(folder, WORKER + "artifacts_bucket: 'mine-${EnvironmentSuffix}-{region}'\n")
    assert "us-east-1/artifacts" not in {entry.id for entry in assembly.manifest.stacks}
    assert parameters(assembly) == {BUCKET_PARAMETER: "mine-${EnvironmentSuffix}-us-east-1"}


def test_who_gives_the_parameter_a_value_is_heeded(folder: Path) -> None:
    text = WORKER.replace("regions: primary", "regions: primary, parameters: {ArtifactsBucket: mine}")
    assert parameters(assembly_of(folder, text)) == {BUCKET_PARAMETER: "mine"}


@pytest.mark.processes
def test_a_python_template_may_name_code_too(folder: Path) -> None:
    (folder / "made.py").write_text(f"def template(context):\n    return {CODE!r}\n")
    assembly = assembly_of(folder, f"{BARE}stacks: {{made: {{template: made.py, regions: primary}}}}\n")
    assert parameters(assembly, "us-east-1/made") == {BUCKET_PARAMETER: OWN}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"artifacts_bucket": "mine"}, "'mine' is one bucket, and each region needs its own: write {region}"),
        ({"artifacts_bucket": "Mine-{region}"}, "a bucket's name has lower-case letters"),
        (
            {"stacks": {"artifacts": {"template": "worker.yaml"}}},
            "stacks.artifacts: is the stack that makes the bucket",
        ),
    ],
)
def test_what_can_t_be_is_told_at_its_key(folder: Path, edit: dict[str, Any], message: str) -> None:
    text = "\n".join(line for line in WORKER.splitlines() if not line.startswith(tuple(edit)))
    with pytest.raises(BuilderError) as caught:
        assembly_of(folder, f"{text}\n{json.dumps(edit)[1:-1]}\n")
    assert message in str(caught.value)


def test_a_bad_path_is_told_in_the_template_once_for_all_regions(folder: Path) -> None:
    (folder / "worker.yaml").write_text("Resources:\n  F: {Type: AWS::Lambda::Function, Properties: {Code: nope}}\n")
    with pytest.raises(BadInput) as caught:
        assembly_of(folder, WORKER.replace("regions: primary", "regions: all"))
    assert str(caught.value) == "worker.yaml:2: F: Code 'nope' leads to nothing: there is no nope"
