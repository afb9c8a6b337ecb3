"""One event as one line of JSON, its kind and its time first; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTold:
    """Why a command did not do what it was asked, in the words that people read on stderr."""

    exit_code: int
    where: str
    """File and key, option, or region and stack; empty where there is no one place."""
    what: str
    next: str
    """What to type next; empty where nobody can say."""
    event: Literal["error"] = "error"


def json_line(kind: str, at: datetime, facts: Mapping[str, object]) -> str:
    """Return `{"event": kind, "at": "...Z", ...}`, times in milliseconds of UTC."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"event": kind, "at": moment, **facts})
