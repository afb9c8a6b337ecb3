"""What dr.yaml may say under `bucket:`."""

from pydantic import Field

from builder.components.options import Section

RESOURCE_TYPES = ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::S3::BucketPolicy")
"""What its templates are made of."""


class BucketConfig(Section):
    """The bucket of each region."""

    expire_noncurrent_days: int = Field(
        default=30, strict=True, ge=1, le=36500, description="Days until an overwritten or deleted version is gone"
    )
