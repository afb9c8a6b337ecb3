"""A template's own code and a nested template, through a bucket, on the embedded AWS: made, changed, taken down."""

import json
import shutil
from pathlib import Path

import boto3
import pytest

from answer import ROOT, Command

SUFFIX = ("--env", "synthmfm21")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose template names a folder of code and a nested template."""
    shutil.copytree(ROOT / "tests" / "golden" / "own_code", tmp_path / "own")
    monkeypatch.chdir(tmp_path / "own")
    return tmp_path / "own"


def answers(session: boto3.Session, region: str) -> object:
    client = session.client("lambda", region_name=region)
    (name,) = (
        function["FunctionName"]
        for function in client.list_functions()["Functions"]
        if "synthmfm21" in function["FunctionName"]
    )
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())["body"]


def keys(session: boto3.Session, account: str) -> int:
    s3 = session.client("s3")
    bucket = f"shop-synthmfm21-artifacts-{account}-us-east-1-an"
    return len(s3.list_object_versions(Bucket=bucket).get("Versions", []))


def test_code_and_templates_live_through_a_bucket(
    own: Path, credentials: None, session: boto3.Session, account_id: str, builder: Command
) -> None:
    first = builder("deploy", "--yes", *SUFFIX)
    assert first.code == 0, first
    assert [answers(session, region) for region in ("us-east-1", "us-west-2")] == ["one", "one"]
    assert keys(session, account_id) == 2

    code = own / "cfn" / "src" / "app.py"
    code.write_text(code.read_text().replace('"one"', '"two"'))
    assert builder("render").code == 0
    second = builder("deploy", "--yes", *SUFFIX)
    assert second.code == 0, second
    assert "2 to upload" in second.out
    assert [answers(session, region) for region in ("us-east-1", "us-west-2")] == ["two", "two"]
    assert keys(session, account_id) == 3
    assert "No changes" in builder("deploy", "--yes", *SUFFIX).out

    pruned = builder("artifacts", "prune", "--yes", *SUFFIX)
    assert pruned.code == 0, pruned
    assert pruned.out == "0 objects of no use to anything; 4 are named, and 2 are not, and younger than a day\n"

    last = builder("destroy", "--yes", *SUFFIX)
    assert last.code == 0, last
    assert last.out.endswith("left of shop-synthmfm21: nothing\n")
