"""What dr.yaml may say of the bucket through which code and templates travel."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

REGION = "{region}"
"""Stands in the name of a bucket of one's own for the region."""
_BUCKET = r"^([a-z0-9.-]|\{region\}|\$\{EnvironmentSuffix\}|\$\{AWS::AccountId\})+$"
ARTIFACTS_PATTERNS = {
    _BUCKET: "a bucket's name has lower-case letters, digits, dots and hyphens; this one may hold {region}, "
    "${EnvironmentSuffix} and ${AWS::AccountId}"
}


def _check_region(name: str) -> str:
    if REGION not in name:
        raise ValueError(f"'{name}' is one bucket, and each region needs its own: write {REGION} for the region")
    return name


BucketOfOwn = Annotated[str, StringConstraints(pattern=_BUCKET, max_length=255), AfterValidator(_check_region)]
