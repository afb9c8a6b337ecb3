"""The delays and pauses of `propagation` as the JSON of `control`."""

from collections.abc import Mapping
from typing import Any

from builder.local.adapter.propagation import Direction, Pace, Propagation

_SERVICES = ("dynamodb", "s3")


def read(propagation: Propagation) -> Mapping[str, Any]:
    """Return every direction that was ever set."""
    return {
        "delays": [
            {
                "service": direction.service,
                "from": direction.source,
                "to": direction.destination,
                "delay_s": pace.delay_s,
                "paused": pace.paused,
            }
            for direction, pace in propagation.paces.items()
        ]
    }


def change(propagation: Propagation, wanted: Mapping[str, Any]) -> None:
    """Set the directions named, all or none; raises ValueError, KeyError or TypeError for what can't be meant."""
    propagation.paces.update([_read(entry) for entry in wanted["delays"]])


def _read(entry: Mapping[str, Any]) -> tuple[Direction, Pace]:
    if entry["service"] not in _SERVICES:
        raise ValueError(f"service {entry['service']!r} is none of {', '.join(_SERVICES)}")
    delay_s, paused = float(entry.get("delay_s", 0.0)), entry.get("paused", False)
    if not 0 <= delay_s < float("inf") or not isinstance(paused, bool):
        raise ValueError(f"delay_s is a number from 0 on and paused true or false, not {delay_s} and {paused!r}")
    return Direction(entry["service"], str(entry["from"]), str(entry["to"])), Pace(delay_s, paused)
