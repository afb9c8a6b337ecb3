"""Lambda's runtimes and how long each lives, from the data cfn-lint ships, without importing cfn-lint."""

import functools
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from builder.config.installed import data_folder

Runtime = Literal["python3.13", "python3.14", "nodejs22.x", "nodejs24.x"]
RUNTIMES: tuple[str, ...] = get_args(Runtime)

# AWS writes to its customers this long before a runtime's end.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtime-deprecation-levels
_NOTICE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """When AWS gives a runtime up."""

    deprecated: date
    """The last day with security updates."""
    create_block: date | None
    """From this day no new function can have it; None where AWS has not said."""
    successor: str | None


def runtime_fault(name: str, today: date) -> str | None:
    """Return why no function can be created with a runtime any more, or None where one can."""
    life = lifecycles().get(name)
    if life is None or life.create_block is None or today < life.create_block:
        return None
    return f"'{name}' cannot be deployed: AWS refuses new functions with it since {life.create_block}{_instead(life)}"


def runtime_warning(name: str, today: date) -> str | None:
    """Return what to know of a runtime whose end is near or past, or None while it has time."""
    life = lifecycles().get(name)
    if life is None or today < life.deprecated - _NOTICE:
        return None
    end = f"'{name}' has no security updates {'since' if today >= life.deprecated else 'after'} {life.deprecated}"
    block = f", and AWS refuses new functions with it from {life.create_block}" if life.create_block else ""
    return f"{end}{block}{_instead(life)}"


def successor(name: str) -> str | None:
    """Return the runtime to use in place of an old one, if AWS names one that can be used here."""
    life = lifecycles().get(name)
    return life.successor if life and life.successor in RUNTIMES else None


@functools.cache
def lifecycles() -> dict[str, Lifecycle]:
    """Return the lifecycle of every runtime that cfn-lint knows one of."""
    folder = data_folder("cfnlint")
    if folder is None:  # pragma: no cover - cfn-lint is a hard requirement
        return {}
    path = folder / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    return {
        name: Lifecycle(date.fromisoformat(said["deprecated"]), _date(said["create-block"]), said["successor"])
        for name, said in json.loads(path.read_text(encoding="utf-8")).items()
        if said["deprecated"]
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instead(life: Lifecycle) -> str:
    return f" (use {life.successor})" if life.successor in RUNTIMES else ""
