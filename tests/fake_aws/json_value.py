"""The one place where a value may be anything: what templates, requests and replies hold."""

import json
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A scalar, list or mapping as it came in; every use narrows it before relying on it."""


def as_json(value: Json) -> str:
    """Return the value as CloudFormation writes it into replies."""
    return json.dumps(value, separators=(",", ":"))
