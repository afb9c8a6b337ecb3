"""The stacks of the buckets for artifacts: one in each region where anything travels through one."""

from collections.abc import Collection

from builder.components.artifacts.options import REGION
from builder.config import Config
from builder.terms import Region
from builder.topology import Stack, names

__all__ = ["NAME", "REGION", "bucket_name", "make_stacks"]

NAME = "artifacts"


def make_stacks(config: Config, regions: Collection[Region]) -> tuple[Stack, ...]:
    """Return the stacks that are needed in these regions; none where dr.yaml names buckets of one's own."""
    if config.artifacts_bucket is not None:
        return ()
    return tuple(
        Stack(
            component=NAME,
            name=NAME,
            region=region,
            stack_name=names.stack_name(config.project, NAME),
        )
        for region in sorted(regions)
    )


def bucket_name(config: Config) -> str:
    """Return the name of every region's bucket, `{region}` standing for the region."""
    return config.artifacts_bucket or names.artifacts_bucket_name(config.project, REGION)
