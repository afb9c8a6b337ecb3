"""Functions with packages of PyPI and npm: the same bytes by two users on two machines, and they run in both regions.

They need a package index and npm's registry.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from builder.config import load_config
from builder.rehearsal import rehearse_system
from rehearsal.transcript import Transcript
from samples import sampled

FUNCTIONS = Path(__file__).parent / "functions"
ROOT = Path(__file__).parents[2]
PROJECT = """project: shop
environment: dev
regions: {primary: us-east-1, secondaries: [us-west-2]}
tables: {orders: {}}
buckets: {uploads: {}}
functions:
"""
FUNCTION = """  api-%(short)s:
    {runtime: python3.13, architecture: %(architecture)s, source: api, handler: app.main.handler, url: {auth: NONE},
     uses: {orders: read_write, uploads: read}}
  web-%(short)s:
    {runtime: nodejs24.x, architecture: %(architecture)s, source: web, handler: src/api/index.handler,
     url: {auth: NONE}}
"""
BY_PIP = (
    "import sys; from builder.packing import install; install._uv = lambda: None;"
    "from builder.cli.main import main; sys.exit(main(sys.argv[1:]))"
)
ADDON = "pydantic_core/_pydantic_core.cpython-313-%s-linux-gnu.so"
ARCHITECTURES = sampled(("x86_64", "arm64"), every=2)
TAGS = {
    "x86_64": (
        "manylinux_2_17_x86_64",
        ADDON % "x86_64",
        "linux-x64-gnu",
    ),
    "arm64": (
        "manylinux_2_17_aarch64",
        ADDON % "aarch64",
        "linux-arm64-gnu",
    ),
}

pytestmark = pytest.mark.processes


def write(folder: Path, *, backwards: bool = False) -> Path:
    for file in sorted(FUNCTIONS.rglob("*"), reverse=backwards):
        to = folder / file.relative_to(FUNCTIONS)
        if file.is_file() and "__pycache__" not in file.parts:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)
    each = (FUNCTION % {"architecture": name, "short": name.replace("_", "-")} for name in ARCHITECTURES)
    (folder / "dr.yaml").write_text("".join([PROJECT, *each]))
    return folder


def build(folder: Path, *command: str, umask: int, **environment: str) -> dict[str, bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder / "home"), **environment}
    for verb in ("render", "build"):
        subprocess.run([sys.executable, *command, verb], cwd=folder, env=env, umask=umask, check=True)
    return {path.name: path.read_bytes() for path in (folder / "build").iterdir()}


def test_two_users_make_the_same_bytes_and_they_are_for_lambda(tmp_path: Path) -> None:
    first = build(write(tmp_path / "one"), "-m", "builder", umask=0o022, TZ="UTC", LANG="C")
    second = write(tmp_path / "elsewhere" / "two", backwards=True)
    for file in second.rglob("*"):
        os.utime(file, (1, 1))
    other = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1", "LANG": "C.UTF-8"}
    assert build(second, "-c", BY_PIP, umask=0o077, **other) == first

    assert len(first) == 2 * len(ARCHITECTURES)
    names, tags = {}, {}
    for path in (tmp_path / "one" / "build").iterdir():
        with zipfile.ZipFile(path) as archive:
            assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert {oct(info.external_attr >> 16) for info in archive.infolist()} <= {"0o100644", "0o100755"}
            names[path] = archive.namelist()
            wheel = [name for name in names[path] if name.startswith("pydantic_core-") and name.endswith("/WHEEL")]
            tags[path] = archive.read(wheel[0]).decode() if wheel else ""
    for tag, extension, addon in (TAGS[architecture] for architecture in ARCHITECTURES):
        assert [path for path, text in tags.items() if tag in text] == [
            path for path, inside in names.items() if extension in inside
        ]
        assert len([path for path, inside in names.items() if any(addon in name for name in inside)]) == 1
    assert not [name for inside in names.values() for name in inside if name.endswith(("/RECORD", "/INSTALLER"))]


@pytest.mark.acceptance
def test_they_run_by_url_in_both_regions(tmp_path: Path) -> None:
    transcript = Transcript()
    rehearse_system(load_config(write(tmp_path) / "dr.yaml"), "dev", transcript.stage())
    for name in (f"{kind}-{name.replace('_', '-')}" for kind in ("api", "web") for name in ARCHITECTURES):
        for region in ("us-east-1", "us-west-2"):
            assert f"{name}: GET /health in {region} -> 200" in transcript.lines
