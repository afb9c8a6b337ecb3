import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from builder.config.document import read_document
from builder.config.schema import SCHEMA, make_schema
from config.project import GOOD, HERE

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(make_schema()))
BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text())


def test_the_committed_schema_is_the_models() -> None:
    assert SCHEMA.read_bytes() == make_schema(), "stale: python scripts/goldens.py"


def test_the_shipped_file_names_the_schema_to_editors() -> None:
    first = (ROOT / "dr.yaml").read_text().splitlines()[0]

    assert first == f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT).as_posix()}"


@pytest.mark.parametrize("text", [GOOD, (ROOT / "dr.yaml").read_text()], ids=["good.yaml", "dr.yaml"])
def test_good_files_are_good_to_an_editor(text: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []


def test_components_by_name_without_a_word_are_good_to_an_editor() -> None:
    named = "tables: {a: }\nbuckets: {b: }\nfunctions: {c: {url: true}, d: }\nalarms:\n"
    assert list(VALIDATOR.iter_errors(yaml.safe_load(GOOD + named))) == []


def test_most_broken_files_are_broken_to_an_editor_too() -> None:
    files = [read_document(GOOD.replace(broken["replace"], broken["by"], 1).encode()) for broken in BROKEN]
    readable = [file.data for file in files if not file.faults]

    refused = [data for data in readable if not VALIDATOR.is_valid(data)]

    assert len(refused) > len(readable) * 0.6


def test_every_key_says_what_it_is_for() -> None:
    sections = [json.loads(make_schema()), *json.loads(make_schema())["$defs"].values()]

    for section in sections:
        for name, schema in section["properties"].items():
            assert "description" in schema or "$ref" in schema, name
