"""What the page for those who generate an assembly says, and shows."""

import json
from pathlib import Path

import jsonschema
import pytest

from answer import ROOT
from builder.assembly import assets, manifest
from cli.on_fake import OnWorld

PAGE = (ROOT / "docs" / "assembly.md").read_text()


def test_the_page_s_program_writes_an_assembly_that_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(PAGE.split("```python\n")[1].split("```")[0], {})  # noqa: S102 - it is what the page has people run
    schema = jsonschema.Draft202012Validator(json.loads(manifest.make_schema()))
    schema.validate(json.loads(Path("assembly/manifest.json").read_bytes()))
    planned = OnWorld(capsys)("--assembly", "assembly", "--env", "dev", "plan")
    assert planned.code == 0
    plan = json.loads(Path("plan.json").read_bytes())
    assert [step["name"] for step in plan["steps"]] == ["shop-dev-queue"]
    assert [step["desired"]["name"] for step in plan["deferred"]] == ["shop-dev-topic"]


@pytest.mark.parametrize("schema", [manifest.make_schema(), assets.make_schema()], ids=["manifest", "assets"])
def test_every_key_is_told(schema: bytes) -> None:
    read = json.loads(schema)
    records = {
        "the file": read,
        **{name: read["$defs"][name] for name in ("StackEntry", "Asset") if name in read["$defs"]},
    }
    missing = [
        f"{name}.{key}"
        for name, record in records.items()
        for key in record["properties"]
        if f"`{key}`" not in PAGE and f'"{key}": [' not in PAGE
    ]
    assert missing == []
