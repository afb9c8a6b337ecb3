"""The schema of the lines of --json, as it is committed: another test holds it to the records, which takes longer."""

import functools
import json
from typing import Any

from answer import ROOT


@functools.cache
def events_schema() -> dict[str, Any]:
    """Return docs/events.schema.json."""
    schema: dict[str, Any] = json.loads((ROOT / "docs" / "events.schema.json").read_bytes())
    return schema
