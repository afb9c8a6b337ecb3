"""The AWS regions there are, from the data files botocore ships, without importing botocore."""

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from builder.config.nearest import did_you_mean

# Account-regional bucket namespaces do not exist there.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
WITHOUT_ACCOUNT_REGIONAL_BUCKETS = frozenset({"me-south-1", "me-central-1"})


@functools.cache
def known_regions() -> dict[str, str]:
    """Return region -> partition for every region botocore knows, `aws-global` and its like left out."""
    return {
        region: partition["id"]
        for partition in _partitions()
        for region in partition["regions"]
        if not region.endswith("-global")
    }


def region_fault(name: str) -> str | None:
    """Return what is wrong with a region's name, with the nearest right one, or None if nothing is."""
    if name not in known_regions():
        return f"'{name}' is not an AWS region{_by_city(name) or did_you_mean(name, known_regions())}"
    if name in WITHOUT_ACCOUNT_REGIONAL_BUCKETS:
        return f"'{name}' has no account-regional bucket names, which this system's buckets need"
    return None


def _by_city(name: str) -> str:
    """Ask for the region of a city or a country, `frankfurt`, as the console calls it: `Europe (Frankfurt)`."""
    for partition in _partitions():
        for region, said in partition["regions"].items():
            if name.lower() in re.findall("[a-z]+", said["description"].lower()):
                return f" (did you mean {region}?)"
    return ""


@functools.cache
def _partitions() -> list[dict[str, Any]]:
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:  # pragma: no cover - boto3 is a hard requirement
        return []
    path = Path(spec.submodule_search_locations[0], "data", "partitions.json")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["partitions"]
    return found
