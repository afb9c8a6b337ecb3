"""The one place where a value may be anything: what templates, requests and replies hold."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A scalar, list or mapping as it came in; every use narrows it before relying on it."""
