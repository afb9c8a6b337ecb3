"""Functions' folders as assets: what render lists of them, and what build makes and believes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builder.assembly import Assembly
from builder.assembly.assets import BUCKET_PARAMETER, Asset, read_assets, write_assets
from builder.assembly.build import Built, NotBuilt, build
from builder.assembly.render import make_assembly
from builder.cli.options import Options
from builder.cli.session import Session
from builder.config import load_config
from builder.terms import StackId
from packing.packages import make_wheel, requirements

PROJECT = """project: shop
environment: dev
regions: {primary: us-east-1, secondaries: [us-west-2]}
functions:
  api: {runtime: python3.13, source: api, handler: app.handler}
  job: {runtime: python3.13, source: api, handler: job.handler, url: false}
  arm: {runtime: python3.13, source: api, handler: app.handler, architecture: arm64}
  tiny: {runtime: python3.13, source: tiny}
"""
PY = "def handler(event, context): ...\n"
FILES = {"api/app.py": PY, "api/job.py": "import lib\n" + PY, "api/lib.py": "", "tiny/index.py": PY}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {**FILES, "dr.yaml": PROJECT}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def assembly_of(folder: Path) -> Assembly:
    return make_assembly(load_config(folder / "dr.yaml"))


def asset(folder: Path, architecture: str = "x86_64") -> Asset:
    (listed,) = (asset for asset in assembly_of(folder).assets if asset.architecture == architecture)
    return listed


class TestRender:
    def test_lists_a_folder_once_for_each_machine_with_all_that_is_called_in_it(self, folder: Path) -> None:
        assembly = assembly_of(folder)
        listed = [(asset.source, asset.recipe, asset.architecture, asset.entries) for asset in assembly.assets]
        assert sorted(listed) == [
            ("api", "files 1", "arm64", ("app.py",)),
            ("api", "files 1", "x86_64", ("app.py", "job.py")),
        ]
        assert {asset.regions for asset in assembly.assets} == {("us-east-1", "us-west-2")}
        assert read_assets(write_assets(assembly.assets), "assets.json") == assembly.assets

    def test_gives_its_stacks_the_bucket_and_lets_them_need_it_and_no_other(self, folder: Path) -> None:
        manifest = assembly_of(folder).manifest
        for name in ("api", "job", "arm"):
            entry = manifest.entry(StackId(f"us-west-2/{name}"))
            assert BUCKET_PARAMETER in entry.parameters
            assert entry.needs == ("us-west-2/artifacts",)
        assert BUCKET_PARAMETER not in manifest.entry(StackId("us-west-2/tiny")).parameters
        assert manifest.entry(StackId("us-west-2/tiny")).needs == ()

    def test_takes_a_bucket_of_one_s_own(self, folder: Path) -> None:
        (folder / "dr.yaml").write_text(f"{PROJECT}artifacts_bucket: mine-{{region}}\n")
        manifest = assembly_of(folder).manifest
        assert manifest.entry(StackId("us-west-2/api")).parameters[BUCKET_PARAMETER] == "mine-us-west-2"
        assert not [entry.id for entry in manifest.stacks if entry.id.endswith("/artifacts")]

    def test_warns_of_secrets_that_stay_here(self, folder: Path) -> None:
        (folder / "api" / ".env").write_text("TOKEN=1")
        (folder / "tiny" / ".env").write_text("TOKEN=1")
        loaded = load_config(folder / "dr.yaml")
        assert [warning for warning in loaded.warnings if "tiny" in warning] == []
        assert loaded.warnings[0].endswith("dr.yaml:5: functions.api.source: .env of api is not packed")


class TestBuild:
    def test_makes_what_is_missing_and_nothing_twice(self, folder: Path) -> None:
        assets = assembly_of(folder).assets
        first = build(assets, folder, folder / "build")
        assert all(isinstance(result, Built) and result.fresh for result in first)
        again = build(assets, folder, folder / "build")
        assert again == tuple(replace(result, fresh=False) for result in first if isinstance(result, Built))
        shutil.rmtree(folder / "api")
        assert build(assets, folder, folder / "build") == again

    @pytest.mark.parametrize("change", ["broken", "other", "shortened"])
    def test_makes_anew_what_is_not_what_its_name_says(self, folder: Path, change: str) -> None:
        mine, other = asset(folder), asset(folder, "arm64")
        (built, different) = build([mine, other], folder, folder / "build")
        assert isinstance(built, Built)
        assert isinstance(different, Built)
        data = built.path.read_bytes()
        changed = {"broken": data.replace(b"handler", b"hambler"), "shortened": data[:-3]}
        built.path.write_bytes(changed.get(change, different.path.read_bytes()))
        assert build([mine], folder, folder / "build") == (replace(built, fresh=True),)

    def test_leaves_nothing_of_sources_that_have_changed(self, folder: Path) -> None:
        mine = asset(folder)
        (folder / "api" / "lib.py").write_text("x = 1\n")
        assert build([mine], folder, folder / "build") == (
            NotBuilt(mine, "api is not what the assembly was rendered from"),
        )
        assert list((folder / "build").iterdir()) == []

    @pytest.mark.processes
    def test_makes_packages_of_this_machine_beside_where_all_calls_go_to_it(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pin = make_wheel(folder / "wheels", "left")
        (folder / "api" / "requirements.txt").write_text(requirements(folder / "wheels", pin))

        def built(endpoint: str) -> dict[str, Path]:
            options = Options(config=folder / "dr.yaml", environment={"AWS_ENDPOINT_URL": endpoint} if endpoint else {})
            session = Session(options)
            return {
                result.asset.architecture: result.path.relative_to(folder)
                for result in session.build(session.project.assembly_made)
                if isinstance(result, Built)
            }

        arm = asset(folder, "arm64").key
        assert built("")["arm64"] == Path("build") / arm
        assert built("https://proxy.example")["arm64"] == Path("build") / arm
        assert capsys.readouterr().err == ""
        assert built("http://127.0.0.1:4566")["arm64"] == Path("build/here") / arm
        notes = capsys.readouterr().err.splitlines()
        assert set(notes) == {"note: api has the packages of this machine: functions run here"}
