"""What AWS offers, from data that botocore and cfn-lint ship: regions and what they lack, runtimes and their lives."""

import functools
import importlib.util
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from builder.errors import did_you_mean


@functools.cache
def data_folder(package: str) -> Path | None:
    """Return the folder `data` of an installed package, or None where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "data")


# Account-regional bucket namespaces do not exist there.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
_WITHOUT_ACCOUNT_REGIONAL_BUCKETS = frozenset({"me-south-1", "me-central-1"})


@functools.cache
def known_regions() -> dict[str, str]:
    """Return region -> partition for every region botocore knows, `aws-global` and its like left out."""
    return {
        region: partition["id"]
        for partition in _partitions()
        for region in partition["regions"]
        if not region.endswith("-global")
    }


def region_fault(name: str, types: Collection[str]) -> str | None:
    """Return why what is made of these resource types cannot be in a region, or None if it can."""
    if name in _WITHOUT_ACCOUNT_REGIONAL_BUCKETS and "AWS::S3::Bucket" in types:
        return f"'{name}' has no account-regional bucket names, which this system's buckets need"
    if missing := _missing_type(name, types):
        return f"'{name}' has no {missing}, which this system needs (as far as the installed cfn-lint knows)"
    return None


def name_fault(name: str) -> str | None:
    """Return what is wrong with a region's name, with the nearest right one, or None if nothing is."""
    if name in known_regions():
        return None
    return f"'{name}' is not an AWS region{_by_city(name) or did_you_mean(name, known_regions())}"


def _by_city(name: str) -> str:
    """Ask for the region of a city or a country, `frankfurt`, as the console calls it: `Europe (Frankfurt)`."""
    for partition in _partitions():
        for region, details in partition["regions"].items():
            if name.lower() in re.findall("[a-z]+", details["description"].lower()):
                return f" (did you mean {region}?)"
    return ""


@functools.cache
def _partitions() -> list[dict[str, Any]]:
    folder = data_folder("botocore")
    if folder is None:  # pragma: no cover - boto3 is a hard requirement
        return []
    partitions: list[dict[str, Any]] = json.loads((folder / "partitions.json").read_bytes())["partitions"]
    return partitions


def _missing_type(region: str, types: Collection[str]) -> str | None:
    """Return the first of these resource types that a region's CloudFormation does not have."""
    folder = data_folder("cfnlint")
    known = folder / "schemas" / "providers" / f"{region}.json" if folder else None
    if known is None or not known.is_file():
        return None
    offered = known.read_text(encoding="utf-8")
    return next((name for name in sorted(types) if f'"{name}"' not in offered), None)


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
        name: Lifecycle(date.fromisoformat(row["deprecated"]), _date(row["create-block"]), row["successor"])
        for name, row in json.loads(path.read_text(encoding="utf-8")).items()
        if row["deprecated"]
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instead(life: Lifecycle) -> str:
    return f" (use {life.successor})" if life.successor in RUNTIMES else ""
