"""What dr.yaml may say under `bucket:`, and of each of `buckets:`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from builder.components.options import SUFFIX_PATTERN, Section

RESOURCE_TYPES = ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::S3::BucketPolicy")
"""What its templates are made of."""
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_EDGE, _WITHIN = rf"([a-z0-9]|{SUFFIX_PATTERN})", rf"([a-z0-9.-]|{SUFFIX_PATTERN})"
_EXISTING = rf"^{_EDGE}({_WITHIN}*{_EDGE})?$"
_SHORTEST, _LONGEST = 3, 63
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
BUCKET_PATTERNS = {
    _EXISTING: "a bucket's name: lower-case letters, digits, dots and hyphens, no dot or hyphen first or last; "
    "it may hold ${EnvironmentSuffix}",
}
"""What each pattern asks for, in words."""


def _check_existing(name: str) -> str:
    bound = name.replace("${EnvironmentSuffix}", "x")
    if not _SHORTEST <= len(bound) <= _LONGEST:
        raise ValueError(f"'{name}' cannot be a bucket's name, which has {_SHORTEST} to {_LONGEST} characters")
    if ".." in bound or _ADDRESS.fullmatch(bound):
        raise ValueError(f"'{name}' cannot be a bucket's name: no two dots side by side, and no IP address")
    return name


_ExistingBucket = Annotated[str, StringConstraints(pattern=_EXISTING), AfterValidator(_check_existing)]


class BucketVarying(Section):
    """Options that may differ between environments."""

    expire_noncurrent_days: int = Field(
        default=30, strict=True, ge=1, le=36500, description="Days until an overwritten or deleted version expires"
    )
    pause_lifecycle: bool = Field(
        default=False,
        strict=True,
        description="true: nothing expires for now, for example while a backfill replicates delete markers",
    )


class BucketConfig(BucketVarying):
    """A bucket in each region."""

    existing: _ExistingBucket | None = Field(
        default=None,
        description="Name of an existing bucket in the primary region, which is imported as the bucket there",
        examples=["acme-uploads"],
    )
    replication: Literal["one-way", "two-way", "none"] = Field(
        default="one-way",
        description="one-way: from the primary to each secondary; two-way: between all regions; none: no replication",
    )
    backfill: bool = Field(
        default=False,
        strict=True,
        description="true: creates the role by which `backfill` replicates objects from before a rule; `existing` "
        "always creates it",
    )

    @property
    def has_batch_role(self) -> bool:
        """Whether there is a role by which what was there before a rule is replicated."""
        return self.backfill or self.existing is not None
