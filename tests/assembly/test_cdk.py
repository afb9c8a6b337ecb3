"""A CDK app's cloud assembly, read as an assembly."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from answer import ROOT
from builder.assembly.build import Built, build
from builder.assembly.cdk import CdkAssembly, find_root, is_cloud_assembly, read_cloud_assembly
from builder.assembly.store import Bootstrap
from builder.errors import BuilderError, ExitCode
from builder.packing.source import read_archive
from builder.terms import AccountId, Region, Site

APPS = ROOT / "tests" / "assembly" / "cdk"
ACCOUNT = AccountId("123456789012")
EAST, WEST, IRELAND = Region("us-east-1"), Region("us-west-2"), Region("eu-west-1")
CODE = "asset.d1c65f2075d201a49d6e77fddfa201c036d3d7aa550a20457a804dfae53d91a0"
BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-{region}"
VERSION = "/cdk-bootstrap/hnb659fds/version"


def read(app: str) -> CdkAssembly:
    return read_cloud_assembly(APPS / app, "shop")


def copied(app: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(APPS / app, tmp_path / "cdk.out"))


def edited(folder: Path, edit: Callable[[Any], object], file: str = "manifest.json") -> Path:
    """The folder with one of its files of JSON changed."""
    data = json.loads((folder / file).read_bytes())
    edit(data)
    (folder / file).write_text(json.dumps(data))
    return folder


def test_stacks_are_told_by_region_and_name_and_need_what_the_app_says() -> None:
    stacks = {entry.id: entry for entry in read("two_regions").assembly.manifest.stacks}
    assert {name: entry.needs for name, entry in stacks.items()} == {
        "us-east-1/ShopTable": (),
        "us-east-1/shop-service": ("us-east-1/ShopTable",),
        "us-west-2/shop-service": ("us-east-1/ShopTable",),
    }
    service = stacks["us-west-2/shop-service"]  # type: ignore[index]  # by its text
    assert (service.name, service.region, service.account) == ("shop-service", WEST, ACCOUNT)
    assert (service.tags, service.capabilities) == ({"team": "shop"}, ("CAPABILITY_IAM",))
    assert service.termination_protection is False


@pytest.mark.parametrize("app", ["two_regions", "stage", "nested", "synthesizers"])
def test_templates_are_the_files_byte_for_byte(app: str) -> None:
    assembly = read(app).assembly
    assert assembly.templates
    for path, data in assembly.templates.items():
        assert data == (APPS / app / path).read_bytes()


def test_outputs_are_named_by_their_stack() -> None:
    outputs = read("two_regions").assembly.manifest.outputs
    assert set(outputs) == {"us-east-1/ShopTable.TableName", "us-east-1/shop-service.Url", "us-west-2/shop-service.Url"}
    assert outputs["us-west-2/shop-service.Url"] == ("us-west-2/shop-service", "Url")


def test_an_asset_goes_to_the_bucket_and_key_that_cdk_names() -> None:
    (asset,) = read("two_regions").assembly.assets
    assert (asset.kind, asset.source, asset.key) == ("zip", CODE, f"{CODE.removeprefix('asset.')}.zip")
    assert (asset.bucket, asset.regions) == (BUCKET, (EAST, WEST))


def test_nested_templates_and_plain_files_are_assets_as_they_are(tmp_path: Path) -> None:
    assembly = read("nested").assembly
    built = build(assembly.assets, APPS / "nested", tmp_path)
    made = {result.asset.kind: result for result in built if isinstance(result, Built)}
    assert made.keys() == {"zip", "file", "template"}
    for kind in ("file", "template"):
        assert made[kind].path.read_bytes() == (APPS / "nested" / made[kind].asset.source).read_bytes()
    with made["zip"].path.open("rb") as archive:
        assert [file.name for file in read_archive(archive)] == ["index.py"]
    assert made["template"].asset.needs == (made["zip"].asset.id,)


def test_links_within_code_are_packed_as_what_they_lead_to(tmp_path: Path) -> None:
    folder = copied("two_regions", tmp_path)
    (folder / CODE / "lib").mkdir()
    (folder / CODE / "lib" / "tool.py").write_text("x = 1\n")
    (folder / CODE / "bin").symlink_to("lib")
    (folder / CODE / "lib" / "main.py").symlink_to("../index.py")
    (built,) = build(read_cloud_assembly(folder, "shop").assembly.assets, folder, tmp_path / "build")
    assert isinstance(built, Built)
    with built.path.open("rb") as archive:
        files = {file.name: file.sha256 for file in read_archive(archive)}
    assert files.keys() == {"index.py", "lib/tool.py", "lib/main.py", "bin/tool.py", "bin/main.py"}
    assert files["bin/main.py"] == files["index.py"]


@pytest.mark.parametrize(
    ("target", "what"),
    [("gone", "leads to nothing within it: x"), ("../..", "leads to nothing within it: x"), (".", "in a circle: x")],
)
def test_links_that_lead_elsewhere_are_refused(target: str, what: str, tmp_path: Path) -> None:
    folder = copied("two_regions", tmp_path)
    (folder / CODE / "x").symlink_to(target)
    with pytest.raises(BuilderError, match=what):
        read_cloud_assembly(folder, "shop")


def test_folders_that_lead_into_each_other_are_refused(tmp_path: Path) -> None:
    folder = copied("two_regions", tmp_path)
    for here, there in (("a", "b"), ("b", "a")):
        (folder / CODE / here).mkdir()
        (folder / CODE / here / "x").symlink_to(f"../{there}")
    with pytest.raises(BuilderError, match=r"in a circle: [ab]/x/x"):
        read_cloud_assembly(folder, "shop")


def test_what_has_to_stand_is_told_once_for_each_region_with_the_strictest_version(tmp_path: Path) -> None:
    bootstraps = read("two_regions").assembly.bootstraps
    assert bootstraps == tuple(
        Bootstrap(site=Site(ACCOUNT, region), parameter=VERSION, version=6) for region in (EAST, WEST)
    )
    folder = copied("two_regions", tmp_path)
    edited(folder, lambda data: data["artifacts"]["ShopTable"]["properties"].update(requiresBootstrapStackVersion=21))
    east = read_cloud_assembly(folder, "shop").assembly.bootstraps[0]
    assert east.version == 21


def test_synthesizers_that_take_no_bootstrap_for_granted_ask_for_none() -> None:
    (other,) = read("synthesizers").assembly.bootstraps
    assert other.parameter == "/cdk-bootstrap/mine/version"


def test_large_templates_go_where_cdk_has_its_own(tmp_path: Path) -> None:
    assert read("two_regions").assembly.manifest.artifacts_bucket == BUCKET
    assert read("synthesizers").assembly.manifest.artifacts_bucket is None  # two buckets: which?
    assert read("nested").assembly.manifest.stacks[0].termination_protection is True


def test_stages_are_read_with_what_is_around_them(tmp_path: Path) -> None:
    manifest = read("stage").assembly.manifest
    assert [entry.id for entry in manifest.stacks] == [
        "us-east-1/Prod-Queues",
        "us-east-1/Prod-Reader",
        "us-east-1/Top",
    ]
    folder = copied("stage", tmp_path)
    stage = folder / "assembly-Prod"
    assert find_root(stage) == folder
    alone = read_cloud_assembly(stage, "shop").assembly
    assert [entry.id for entry in alone.manifest.stacks] == ["us-east-1/Prod-Queues", "us-east-1/Prod-Reader"]
    assert all(isinstance(result, Built) for result in build(alone.assets, find_root(stage), tmp_path / "build"))


def test_a_dependency_on_a_stage_is_one_on_all_its_stacks(tmp_path: Path) -> None:
    folder = copied("stage", tmp_path)
    edited(folder, lambda data: data["artifacts"]["Top"]["dependencies"].append("assembly-Prod"))
    top = read_cloud_assembly(folder, "shop").assembly.manifest.stacks[-1]
    assert top.needs == ("us-east-1/Prod-Queues", "us-east-1/Prod-Reader")


def test_a_name_twice_in_two_accounts_is_told_apart_by_them(tmp_path: Path) -> None:
    folder = copied("two_regions", tmp_path)

    def move(data: Any) -> None:
        data["artifacts"]["ShopService-us-west-2"]["environment"] = "aws://444455556666/us-east-1"

    ids = [entry.id for entry in read_cloud_assembly(edited(folder, move), "shop").assembly.manifest.stacks]
    assert ids[1:] == ["us-east-1/shop-service-123456789012", "us-east-1/shop-service-444455556666"]


def test_what_is_not_taken_is_noted() -> None:
    (note,) = read("nested").notes
    assert "notificationArns" in note


def test_a_newer_schema_is_read_with_a_note_as_long_as_its_artifacts_are_known(tmp_path: Path) -> None:
    folder = edited(copied("two_regions", tmp_path), lambda data: data.update(version="99.1.0"))
    (note,) = read_cloud_assembly(folder, "shop").notes
    assert "99.1.0" in note


def _stack(data: Any) -> Any:
    return data["artifacts"]["ShopTable"]


def _code(data: Any) -> Any:
    return next(file for file in data["files"].values() if file["source"]["packaging"] == "zip")


EAST_ASSETS = "ShopService-us-east-1.assets.json"
BROKEN: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "no JSON object": (lambda data: data.pop("version"), "manifest.json", "version: Field required"),
    "no version": (lambda data: data.update(version="new"), "manifest.json", "'new' is no version"),
    "an unknown artifact": (
        lambda data: data["artifacts"].update({"x": {"type": "cdk:wasm"}}),
        "manifest.json",
        "artifacts.x: is of the type cdk:wasm",
    ),
    "no environment": (lambda data: _stack(data).pop("environment"), "manifest.json", "environment none"),
    "no region": (
        lambda data: _stack(data).update(environment="aws://123456789012/unknown-region"),
        "manifest.json",
        "artifacts.ShopTable: ShopTable has the environment aws://123456789012/unknown-region",
    ),
    **{
        f"another assembly in '{directory}'": (
            lambda data, directory=directory: data["artifacts"].update(  # type: ignore[misc]  # bound by its default
                {"again": {"type": "cdk:cloud-assembly", "properties": {"directoryName": directory}}}
            ),
            "manifest.json",
            f"'{directory}' is no folder within the assembly",
        )
        for directory in ("", ".", "..", "a/..", "/elsewhere", "../cdk.out")
    },
    "a version that is no number": (
        lambda data: _stack(data)["properties"].update(requiresBootstrapStackVersion="six"),
        "manifest.json",
        "requiresBootstrapStackVersion",
    ),
    "a dependency on nothing": (
        lambda data: _stack(data)["dependencies"].append("Gone"),
        "manifest.json",
        "there is no artifact Gone",
    ),
    "a template elsewhere": (
        lambda data: _stack(data)["properties"].update(templateFile="../other.json"),
        "manifest.json",
        "'../other.json' is no file of the assembly",
    ),
    "a template that is gone": (
        lambda data: _stack(data)["properties"].update(templateFile="gone.json"),
        "manifest.json",
        "gone.json",
    ),
    "two of a name": (
        lambda data: data["artifacts"]["ShopService-us-west-2"].update(environment="aws://123456789012/us-east-1"),
        "manifest.json",
        "a name is there once",
    ),
    "a name that is none": (
        lambda data: _stack(data)["properties"].update(stackName="1st"),
        "manifest.json",
        "cannot be a stack name",
    ),
    "an asset that a program makes": (
        lambda data: _code(data).update(source={"executable": ["make"], "packaging": "zip"}),
        EAST_ASSETS,
        "a program of the app's own",
    ),
    "an asset elsewhere": (
        lambda data: _code(data)["source"].update(path="/home/me/code"),
        EAST_ASSETS,
        "lies outside of the assembly",
    ),
    "an asset that is gone": (lambda data: _code(data)["source"].update(path="gone"), EAST_ASSETS, "gone is not there"),
    "a key that leads elsewhere": (
        lambda data: next(iter(_code(data)["destinations"].values())).update(objectKey="../../x"),
        EAST_ASSETS,
        "is no key",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_deployed_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    edit, file, what = BROKEN[name]
    folder = edited(copied("two_regions", tmp_path), edit, file)
    with pytest.raises(BuilderError) as caught:
        read_cloud_assembly(folder, "shop")
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert what in str(caught.value)
    assert str(folder) in str(caught.value)


REFUSED = {
    "agnostic": ("artifacts.Anywhere: Anywhere has the environment aws://unknown-account/unknown-region", "env: {"),
    "image": ("Image.assets.json: dockerImages.250c4bd2", "build the image elsewhere"),
    "legacy": ("artifacts.Legacy: takes files by parameters", "DefaultStackSynthesizer"),
    "missing": ("manifest.json: missing: vpc-provider:account=123456789012", "cdk.context.json"),
}


@pytest.mark.parametrize("app", REFUSED)
def test_apps_that_leave_something_open_are_refused_by_name_with_a_remedy(app: str) -> None:
    what, remedy = REFUSED[app]
    with pytest.raises(BuilderError) as caught:
        read(app)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert what in str(caught.value)
    assert remedy in caught.value.next_step


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BuilderError, match="2 errors") as caught:
        read("agnostic")
    assert "Half" in str(caught.value)


def test_a_cloud_assembly_is_known_by_its_marker_and_else_by_its_manifest(tmp_path: Path) -> None:
    folder = copied("two_regions", tmp_path)
    assert is_cloud_assembly(folder)
    (folder / "cdk.out").unlink()
    assert is_cloud_assembly(folder)
    assert not is_cloud_assembly(ROOT / "templates")
    assert not is_cloud_assembly(tmp_path)


def _leaves(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value, those that hold others too."""
    if path:
        yield path
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _leaves(value, (*path, key))


def _put(data: Any, path: tuple[str | int, ...], value: object) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


@pytest.mark.slow  # every value of two files is another one
@pytest.mark.parametrize("file", ["manifest.json", "Jobs.assets.json"])
def test_whatever_is_written_there_is_read_or_refused(file: str, tmp_path: Path) -> None:
    folder = copied("nested", tmp_path)
    original = (folder / file).read_text()
    refused: dict[tuple[str | int, ...], BuilderError] = {}
    others: Iterator[object] = cycle((None, 7, "x", []))
    for path, value in zip(_leaves(json.loads(original)), others, strict=False):
        data = json.loads(original)
        _put(data, path, value)
        (folder / file).write_text(json.dumps(data))
        try:
            read_cloud_assembly(folder, "shop")
        except BuilderError as error:
            refused[path] = error
    assert len(refused) > 10
    for path, refusal in refused.items():
        assert refusal.exit_code == ExitCode.BAD_INPUT, path
        assert str(folder) in str(refusal), path
