"""What dr.yaml may say under `bucket:`, and of each of `buckets:`."""

from typing import Literal

from pydantic import Field

from builder.components.options import Section

RESOURCE_TYPES = ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::S3::BucketPolicy")
"""What its templates are made of."""


class BucketVarying(Section):
    """What may differ between environments."""

    expire_noncurrent_days: int = Field(
        default=30, strict=True, ge=1, le=36500, description="Days until an overwritten or deleted version is gone"
    )
    pause_lifecycle: bool = Field(
        default=False,
        strict=True,
        description="true: nothing expires for now, as while a backfill runs that has delete markers to replicate",
    )


class BucketConfig(BucketVarying):
    """The bucket of each region."""

    replication: Literal["one-way", "two-way", "none"] = Field(
        default="one-way", description="From the primary to each secondary, between all regions, or not at all"
    )
    backfill: bool = Field(
        default=False,
        strict=True,
        description="true: with the role by which `backfill` replicates what was there before a rule",
    )
