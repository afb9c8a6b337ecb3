"""The JSON Schema of the lines that --json prints, with which a pipeline can check what it reads."""

import dataclasses
import json
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from builder.assembly.finding import Finding
from builder.deploy.progress import OUTCOME_WORDS
from builder.drill.findings import DrillProgress, Report
from builder.drill.verdict import DrillVerdict
from builder.failback.records import FailbackProgress
from builder.fleet.progress import SET_OUTCOME_WORDS, FleetProgress
from builder.report.as_json import (
    FleetDriftSeen,
    FleetEnded,
    FleetLeaving,
    FleetPlanMade,
    OutputsRead,
    PlanMade,
    RunEnded,
    StacksCaptured,
)
from builder.report.backfill import BackfillCounted, BackfillEnded, BackfillProgress
from builder.report.drill_history import DrillHistory
from builder.report.failback import FailbackLooked
from builder.report.offline import FINDING
from builder.report.promotion import PromotionBegun, PromotionChecked, PromotionEnded
from builder.report.screen import ErrorTold
from builder.report.state import DriftSeen, StatusSeen

_TIME = {"type": "string", "format": "date-time", "description": "When the line was printed, in UTC."}


class AsPrinted(GenerateJsonSchema):
    """Every field is printed, also one with its default; titles like "Stack Arn" are left out."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002, D102 - pydantic's
        return False

    def field_is_required(self, field: object, total: object) -> bool:  # noqa: ARG002, D102
        return True


def make_event_schema() -> bytes:
    """Return the schema of the records: a line is one of so many kinds, distinguished by `event`."""
    of_fleet = (FleetPlanMade, FleetEnded, FleetDriftSeen, FleetLeaving)
    of_backfill = (BackfillCounted, BackfillProgress, BackfillEnded)
    of_promotion = (PromotionChecked, PromotionBegun, PromotionEnded)
    seen = (StatusSeen, DriftSeen, DrillHistory)
    ends = (PlanMade, RunEnded, OutputsRead, StacksCaptured, *of_fleet, *of_backfill, *of_promotion, *seen, ErrorTold)
    of_failback = (*get_args(FailbackProgress), FailbackLooked)
    kinds = (*get_args(FleetProgress), *get_args(DrillProgress), *of_failback, *ends, Finding)
    _, made = TypeAdapter.json_schemas(
        [(kind.__name__, "serialization", TypeAdapter(kind)) for kind in kinds],
        schema_generator=AsPrinted,
        ref_template="#/$defs/{model}",
    )
    definitions: dict[str, Any] = made["$defs"]
    for kind in kinds:
        _add_first(definitions[kind.__name__], "at", _TIME)
    _add_first(definitions[Finding.__name__], "event", {"const": FINDING})
    for outcome, word in (*OUTCOME_WORDS.items(), *SET_OUTCOME_WORDS.items()):
        _add_first(definitions[outcome.__name__], "outcome", {"const": word})
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of `python -m builder --json`",
        "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2).encode() + b"\n"


def _add_first(definition: dict[str, Any], name: str, schema: object) -> None:
    definition["properties"] = {name: schema, **definition["properties"]}
    definition["required"] = [name, *definition["required"]]


_VERDICT = {
    "enum": list(get_args(DrillVerdict)),
    "description": "`failed` if a number misses its objective; else `not measured` if a number was not measured; "
    "else `passed`.",
}


def report_as_json(report: Report) -> bytes:
    """Return the whole report, the verdict first."""
    return json.dumps({"verdict": report.verdict, **dataclasses.asdict(report)}, indent=2).encode() + b"\n"


def make_report_schema() -> bytes:
    """Return the schema of the records: one of two kinds of report, distinguished by `kind`."""
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
