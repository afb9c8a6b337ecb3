"""The JSON Schema of dr.yaml, by which editors complete and check it while it is written."""

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from builder.config.model import Config

SCHEMA = Path(__file__).with_name("dr.schema.json")
"""The schema as it is shipped."""


class _Untitled(GenerateJsonSchema):
    """Leaves out titles like "Memory Mb", which editors would show in place of the keys themselves."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def make_schema() -> bytes:
    """Return the schema that the model leads to."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dr.yaml",
        **{key: value for key, value in Config.model_json_schema(schema_generator=_Untitled).items() if key != "title"},
    }
    return json.dumps(schema, indent=2).encode() + b"\n"
