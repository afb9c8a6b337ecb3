"""Assets: one id and one archive wherever and by whomever they are made, and no other bytes under their name."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.assembly.assets import Asset, merged, read_assets, taken_by, write_assets
from builder.assembly.build import Built, NotBuilt, build
from builder.assembly.package import package
from builder.errors import BadInput
from builder.packing.source import MOST_BYTES, NoSource, Recipe, asset_id, read_archive, read_source, write_archive
from builder.terms import Region

EAST, WEST = Region("us-east-1"), Region("us-west-2")
FILES = {
    "app.py": b"def handler(event, context): ...\n",
    "lib/b.py": b"B = 1\n",
    "lib/a.py": b"A = 1\n",
    "z\u00e9.txt": b"",
}
TEMPLATE = b"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: code, Runtime: python3.13}}}\n"


def write(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def archive(folder: Path, to: Path) -> bytes:
    with to.open("wb") as opened:
        write_archive(folder, opened)
    return to.read_bytes()


def asset_of(root: Path, template: bytes = TEMPLATE) -> Asset:
    return package(template, Path("app.yaml"), root, EAST).assets[0]


class TestSource:
    def test_neither_place_time_order_nor_user_s_mask_changes_a_byte(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a")
        os.utime(first / "app.py", (1, 1))
        second = write(tmp_path / "elsewhere" / "b", dict(reversed(FILES.items())))
        for path in second.rglob("*.py"):
            path.chmod(0o600)
        for extra in (".git/config", "__pycache__/app.pyc", "lib/__pycache__/x.pyc"):
            write(second, {extra: b"x"})
        (second / "hollow").mkdir()

        assert read_source(first) == read_source(second)
        assert archive(first, tmp_path / "1") == archive(second, tmp_path / "2")

    @pytest.mark.processes
    def test_an_archive_is_the_same_in_other_processes(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        script = (
            "import sys, pathlib; from builder.packing.source import write_archive, read_source, asset_id, Recipe\n"
            "print(asset_id(read_source(pathlib.Path('code')), Recipe()))\n"
            "write_archive(pathlib.Path('code'), open(sys.argv[1], 'wb'))"
        )
        results = []
        for number, (seed, zone) in enumerate((("0", "UTC"), ("7", "Asia/Tokyo"))):
            env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(Path(__file__).parents[2])}
            ran = subprocess.run(
                [sys.executable, "-c", script, str(number)], cwd=tmp_path, env=env, check=True, capture_output=True
            )
            results.append((ran.stdout, (tmp_path / str(number)).read_bytes()))
        assert results[0] == results[1]

    def test_an_archive_holds_what_lambda_reads(self, tmp_path: Path) -> None:
        (write(tmp_path / "code") / "app.py").chmod(0o700)
        archive(tmp_path / "code", tmp_path / "zip")
        with zipfile.ZipFile(tmp_path / "zip") as opened:
            infos = {info.filename: info for info in opened.infolist()}
        assert list(infos) == sorted(FILES)
        assert {info.compress_type for info in infos.values()} == {zipfile.ZIP_STORED}
        assert (infos["app.py"].external_attr >> 16, infos["lib/a.py"].external_attr >> 16) == (0o100755, 0o100644)

    def test_a_file_alone_is_packed_by_its_name(self, tmp_path: Path) -> None:
        write(tmp_path)
        assert [file.name for file in read_source(tmp_path / "lib/a.py")] == ["a.py"]

    @given(st.dictionaries(st.from_regex(r"[a-c]{1,2}", fullmatch=True), st.binary(max_size=4), min_size=1, max_size=4))
    def test_an_archive_alone_tells_what_it_was_made_of(self, files: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = write(Path(name) / "code", files)
            archive(folder, Path(name) / "zip")
            with (Path(name) / "zip").open("rb") as opened:
                assert read_archive(opened) == read_source(folder)

    @pytest.mark.parametrize(
        "change",
        [
            lambda folder: (folder / "app.py").write_bytes(b"other"),
            lambda folder: (folder / "app.py").rename(folder / "app2.py"),
            lambda folder: (folder / "app.py").chmod(0o755),
            lambda folder: (folder / "new").write_bytes(b""),
            lambda folder: (folder / "lib/a.py").unlink(),
        ],
    )
    def test_whatever_changes_the_archive_changes_its_id(
        self, tmp_path: Path, change: Callable[[Path], object]
    ) -> None:
        folder = write(tmp_path / "code")
        before = asset_id(read_source(folder), Recipe())
        change(folder)
        assert asset_id(read_source(folder), Recipe()) != before

    def test_recipe_runtime_and_architecture_are_in_the_id(self, tmp_path: Path) -> None:
        files = read_source(write(tmp_path / "code"))
        recipes = (Recipe(), Recipe(name="copy 2"), Recipe(runtime="python3.13"), Recipe(architecture="arm64"))
        assert len({asset_id(files, recipe) for recipe in recipes}) == len(recipes)

    def test_more_than_lambda_unpacks_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        with (tmp_path / "code/large").open("wb") as large:
            large.truncate(MOST_BYTES)
        with pytest.raises(NoSource, match="262,144,000"):
            read_source(tmp_path / "code")


class TestBuild:
    def test_makes_what_is_missing_and_nothing_twice(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        asset = asset_of(tmp_path)
        (first,) = build([asset], tmp_path, tmp_path / "build")
        (second,) = build([asset], tmp_path, tmp_path / "build")
        assert isinstance(first, Built)
        assert first.fresh
        assert second == replace(first, fresh=False)
        assert [path.name for path in (tmp_path / "build").iterdir()] == [asset.key]

    def test_wants_no_sources_where_the_bytes_are_there(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        asset = asset_of(tmp_path)
        build([asset], tmp_path, tmp_path / "build")
        shutil.rmtree(tmp_path / "code")
        assert isinstance(build([asset], tmp_path, tmp_path / "build")[0], Built)
        (tmp_path / "build" / asset.key).unlink()
        assert build([asset], tmp_path, tmp_path / "build") == (NotBuilt(asset, "code is not there"),)

    @pytest.mark.parametrize("content", [b"", b"PK nonsense", "another archive"])
    def test_makes_anew_what_is_not_what_its_name_says(self, tmp_path: Path, content: bytes | str) -> None:
        write(tmp_path / "code")
        asset = asset_of(tmp_path)
        path = tmp_path / "build" / asset.key
        path.parent.mkdir()
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            archive(write(tmp_path / "other", {"app.py": b"evil"}), path)
        (built,) = build([asset], tmp_path, tmp_path / "build")
        assert isinstance(built, Built)
        assert built.fresh

    def test_leaves_nothing_of_sources_that_have_changed(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        asset = asset_of(tmp_path)
        write(tmp_path / "code", {"app.py": b"later"})
        (built,) = build([asset], tmp_path, tmp_path / "build")
        assert built == NotBuilt(asset, "code is not what the assembly was rendered from")
        assert list((tmp_path / "build").iterdir()) == []

    def test_an_archive_is_taken_as_it_is(self, tmp_path: Path) -> None:
        data = archive(write(tmp_path / "other"), tmp_path / "code")
        asset = asset_of(tmp_path)
        build([asset], tmp_path, tmp_path / "build")
        assert asset.kind == "file"
        assert (tmp_path / "build" / asset.key).read_bytes() == data

    def test_a_nested_template_is_made_of_its_source(self, tmp_path: Path) -> None:
        write(tmp_path / "code")
        (tmp_path / "child.yaml").write_bytes(TEMPLATE)
        parent = b"Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: child.yaml}}}"
        assets = package(parent, Path("app.yaml"), tmp_path, EAST).assets
        built = build(assets, tmp_path, tmp_path / "build")
        assert all(isinstance(result, Built) for result in built)
        assert assets[0].key.encode() in (tmp_path / "build" / assets[1].key).read_bytes()


def listed(
    identity: str, *, kind: Literal["zip", "template"] = "zip", needs: tuple[str, ...] = (), region: Region = EAST
) -> Asset:
    digest = identity * 64
    end = "yaml" if kind == "template" else "zip"
    return Asset(
        id=digest,
        kind=kind,
        source=f"src/{identity}",
        key=f"{digest}.{end}",
        regions=(region,),
        needs=tuple(need * 64 for need in needs),
    )


class TestListed:
    def test_is_read_as_it_was_written_each_asset_once(self) -> None:
        assets = (listed("b"), listed("a"), listed("a", region=WEST))
        read = read_assets(write_assets(assets), "assets.json")
        assert read == merged(assets)
        assert [(asset.source, asset.regions) for asset in read] == [("src/a", (EAST, WEST)), ("src/b", (EAST,))]
        assert write_assets(reversed(assets)) == write_assets(assets)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"src/a"', '"../secrets"'),
            ('"src/a"', '"/etc/passwd"'),
            ('"src/a"', '""'),
            ('"src/a"', '"C:/x"'),
            ("a.zip", "a.yaml"),
            ("copy 1", "copy 9"),
            ('"version": 1', '"version": 2'),
            ('"needs": []', f'"needs": ["{"c" * 64}"]'),
            ('"kind": "zip"', '"kind": "shell"'),
            ('"regions"', '"region"'),
        ],
    )
    def test_is_a_claim(self, old: str, new: str) -> None:
        data = write_assets([listed("a")]).decode()
        assert old in data
        with pytest.raises(BadInput) as caught:
            read_assets(data.replace(old, new).encode(), "assets.json")
        assert caught.value.where == "assets.json"

    def test_a_stack_takes_what_its_template_names_and_what_that_takes(self) -> None:
        assets = (listed("a"), listed("b", kind="template", needs=("a",)), listed("c"))
        assert taken_by(assets[1].key.encode(), assets) == assets[:2]
        assert taken_by(assets[2].key.encode(), assets) == assets[2:]
        assert taken_by(b"", assets) == ()
