"""One event as one line of JSON, its kind and its time first; pure."""

import json
from collections.abc import Mapping
from datetime import datetime


def json_line(kind: str, at: datetime, facts: Mapping[str, object]) -> str:
    """Return `{"event": kind, "at": "...Z", ...}`, times in milliseconds of UTC."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"event": kind, "at": moment, **facts})
