"""Probes: numbered, dated, and told from everybody's own data by their names; pure.

The one place that knows how the system's function keeps what it is given: PUT /items/<id> makes the table's item
`item#<id>` with the text that was sent as its `body`. Objects are put by the drill itself.
"""

import json
from dataclasses import dataclass
from datetime import datetime

_ITEM = "item#"
_OBJECTS = "drill/"


@dataclass(frozen=True, slots=True)
class Probe:
    """What is written to see it arrive elsewhere."""

    id: str
    body: str


def make_probe(drill: str, series: str, number: int, at: datetime) -> Probe:
    """Return the probe of a series with this number."""
    body = {"drill": drill, "series": series, "number": number, "sent": at.isoformat(timespec="milliseconds")}
    return Probe(f"drill-{drill}-{series}-{number:06}", json.dumps(body))


def item_path(name: str) -> str:
    """Return where below a function's URL a probe is written."""
    return f"items/{name}"


def item_key(name: str) -> str:
    """Return the key of a probe in the table."""
    return f"{_ITEM}{name}"


def item_name(key: str) -> str:
    """Return the probe's id for its key in the table."""
    return key.removeprefix(_ITEM)


def object_prefix(drill: str) -> str:
    """Return what the keys of all of a drill's objects begin with."""
    return f"{_OBJECTS}{drill}/"


def object_key(drill: str, name: str) -> str:
    """Return the key of a probe in a bucket."""
    return f"{object_prefix(drill)}{name}"


def object_name(drill: str, key: str) -> str:
    """Return the probe's id for its key in a bucket."""
    return key.removeprefix(object_prefix(drill))
