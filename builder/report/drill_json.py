"""A drill's report as JSON, and the JSON Schema of it; pure. Times are seconds since the drill began."""

import dataclasses
import json
from typing import Any, get_args

from pydantic import TypeAdapter

from builder.drill.findings import Report
from builder.drill.verdict import DrillVerdict
from builder.report.schema import AsPrinted

_VERDICT = {
    "enum": list(get_args(DrillVerdict)),
    "description": "What is missed fails it, whatever else was not measured; a number without an objective does not.",
}


def report(found: Report) -> bytes:
    """Return the whole report, the verdict first."""
    return json.dumps({"verdict": found.verdict, **dataclasses.asdict(found)}, indent=2).encode() + b"\n"


def make_schema() -> bytes:
    """Return the schema that the records lead to: one of two kinds of report, told apart by `kind`."""
    made: dict[str, Any] = TypeAdapter(Report).json_schema(mode="serialization", schema_generator=AsPrinted)
    definitions = made.pop("$defs")
    for kind in made["anyOf"]:
        definition = definitions[kind["$ref"].rpartition("/")[2]]
        definition["properties"] = {"verdict": _VERDICT, **definition["properties"]}
        definition["required"] = ["verdict", *definition["required"]]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "report.json of `python -m builder drill`",
        "oneOf": made["anyOf"],
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2).encode() + b"\n"
