"""The AWS regions there are, from the data files botocore ships, without importing botocore."""

import difflib
import functools
import importlib.util
import json
from pathlib import Path

# Account-regional bucket namespaces do not exist there.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
WITHOUT_ACCOUNT_REGIONAL_BUCKETS = frozenset({"me-south-1", "me-central-1"})


@functools.cache
def known_regions() -> dict[str, str]:
    """Return region -> partition for every region botocore knows, `aws-global` and its like left out."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:  # pragma: no cover - boto3 is a hard requirement
        return {}
    path = Path(spec.submodule_search_locations[0], "data", "partitions.json")
    partitions = json.loads(path.read_text(encoding="utf-8"))["partitions"]
    return {
        region: partition["id"]
        for partition in partitions
        for region in partition["regions"]
        if not region.endswith("-global")
    }


def region_fault(name: str) -> str | None:
    """Return what is wrong with a region's name, with the nearest right one, or None if nothing is."""
    regions = known_regions()
    if name not in regions:
        near = difflib.get_close_matches(name, regions, n=1, cutoff=0.5)
        return f"'{name}' is not an AWS region" + (f" (did you mean {near[0]}?)" if near else "")
    if name in WITHOUT_ACCOUNT_REGIONAL_BUCKETS:
        return f"'{name}' has no account-regional bucket names, which this system's buckets need"
    return None
