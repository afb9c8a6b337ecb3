"""The AWS regions there are and what they lack, from the data that botocore and cfn-lint ship."""

import functools
import json
import re
from typing import Any

from builder.config.installed import data_folder
from builder.config.nearest import did_you_mean

# Account-regional bucket namespaces do not exist there.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
WITHOUT_ACCOUNT_REGIONAL_BUCKETS = frozenset({"me-south-1", "me-central-1"})
# What the templates are made of; a test holds it against them.
RESOURCE_TYPES = (
    "AWS::DynamoDB::GlobalTable",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
)


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
    """Return why the system cannot be in a region of this name, or None if it can."""
    if fault := name_fault(name):
        return fault
    if name in WITHOUT_ACCOUNT_REGIONAL_BUCKETS:
        return f"'{name}' has no account-regional bucket names, which this system's buckets need"
    if missing := _missing_type(name):
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
        for region, said in partition["regions"].items():
            if name.lower() in re.findall("[a-z]+", said["description"].lower()):
                return f" (did you mean {region}?)"
    return ""


@functools.cache
def _partitions() -> list[dict[str, Any]]:
    folder = data_folder("botocore")
    if folder is None:  # pragma: no cover - boto3 is a hard requirement
        return []
    found: list[dict[str, Any]] = json.loads((folder / "partitions.json").read_bytes())["partitions"]
    return found


def _missing_type(region: str) -> str | None:
    """Return the first resource type of the system that a region's CloudFormation does not have."""
    folder = data_folder("cfnlint")
    known = folder / "schemas" / "providers" / f"{region}.json" if folder else None
    if known is None or not known.is_file():
        return None
    types = known.read_text(encoding="utf-8")
    return next((name for name in RESOURCE_TYPES if f'"{name}"' not in types), None)
