"""What a dr.yaml asks for, made in a line for tests that need no file."""

from pathlib import Path
from typing import Any

from builder.config import Config, LoadedConfig
from builder.packing.read import Inline

HANDLER = "def handler(event, context):\n    return {'statusCode': 204}\n"


ABSENT = "absent"
"""Of a section that is not to be there at all."""


def make_loaded_config(handler: str = HANDLER, **sections: Any) -> LoadedConfig:
    """Return the shipped system with the given sections in place of its own."""
    all_sections = {
        "project": "tap",
        "environment": "dev",
        "regions": {"primary": "us-east-1", "secondaries": ["us-west-2"]},
        "table": {},
        "bucket": {},
        "function": {},
        **sections,
    }
    config = Config.model_validate({name: section for name, section in all_sections.items() if section != ABSENT})
    return LoadedConfig(config=config, folder=Path(), code=dict.fromkeys(config.functions_by_name, Inline(handler)))
