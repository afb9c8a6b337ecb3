"""Functions with packages live the same life: built for Lambda, built once more for what runs them here."""

from pathlib import Path

import pytest

from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.errors import Failed
from builder.rehearsal import rehearse_system
from packing.packages import lock, make_module, make_wheel, requirements
from rehearsal.transcript import Transcript

PROJECT = """project: shop
environment: dev
regions: {primary: us-east-1, secondaries: [us-west-2]}
tables: {orders: {}}
functions:
  api: {runtime: python3.13, architecture: arm64, source: api, handler: app.main.handler, uses: {orders: read_write}}
  web: {runtime: nodejs24.x, architecture: x86_64, source: web, handler: src/index.handler, url: {auth: NONE}}
"""
API = """
import os

import boto3
import left
from app.lib import answer

TABLE = boto3.client("dynamodb")


def handler(event, context):
    TABLE.put_item(TableName=os.environ["ORDERS_TABLE"], Item={"id": {"S": os.environ["AWS_REGION"]}})
    return answer(left.TAG)
"""
WEB = """
const left = require("left");
const { answer } = require("../lib/answer");
exports.handler = async () => answer(left.NAME);
"""
FILES = {
    "api/app/main.py": API,
    "api/app/lib.py": "def answer(text):\n    return {'statusCode': 200, 'body': text}\n",
    "web/src/index.js": WEB,
    "web/lib/answer.js": "exports.answer = (body) => ({ statusCode: 200, body });\n",
}


def write(folder: Path, *, tag: str = "py3-none-any") -> Path:
    for name, text in {**FILES, "dr.yaml": PROJECT}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    pin = make_wheel(folder / "wheels", "left", tag=tag)
    (folder / "api" / "requirements.txt").write_text(requirements(folder / "wheels", pin))
    lock(folder / "web", {"left": make_module(folder / "web", "left")})
    return folder / "dr.yaml"


@pytest.mark.processes
def test_what_has_packages_is_built_twice_and_runs_in_both_regions(tmp_path: Path, transcript: Transcript) -> None:
    rehearse_system(load_config(write(tmp_path)), "dev", transcript.stage())
    assert transcript.chapters[:4] == ["render", "lint", "build", "an AWS of our own"]
    shown = "\n".join(transcript.lines)
    assert "api with its packages, as python3.13 on arm64 runs it\n" in shown
    assert "api with its packages, a second time, for python3" in shown
    for name in ("api", "web"):
        for region in ("us-east-1", "us-west-2"):
            assert f"{name}: GET /health in {region} -> 200" in transcript.lines
    assets = {asset.source: asset.key for asset in make_assembly(load_config(tmp_path / "dr.yaml")).assets}
    assert (tmp_path / "build" / assets["api"]).is_file()
    assert (tmp_path / "build" / "here" / assets["api"]).is_file()


@pytest.mark.processes
def test_what_cannot_be_built_for_lambda_ends_it_before_anything_is_deployed(
    tmp_path: Path, transcript: Transcript
) -> None:
    loaded = load_config(write(tmp_path, tag="cp313-cp313-macosx_11_0_arm64"))
    with pytest.raises(Failed, match=r"api has left.*of which there is no wheel for python3\.13 on arm64"):
        rehearse_system(loaded, "dev", transcript.stage())
    assert transcript.chapters == ["render", "lint", "build"]
