"""The buckets: one a region, and in the primary, which replicates, the role for that."""

from collections.abc import Iterator

from builder.assembly.components import Bucket, Component, OutputOf
from builder.config import Config
from builder.terms import Region
from builder.topology import Stack, names, stack_id
from builder.topology.names import Name

NAME = "storage"
_LENGTH = 63
"""Of a bucket's name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return the secondaries' stacks, and the primary's, which needs them."""
    primary, secondaries = config.regions.primary, config.regions.secondaries
    destinations = tuple(stack_id(region, NAME) for region in secondaries)
    return tuple(
        Stack(
            component="bucket",
            name=NAME,
            region=region,
            stack_name=names.stack_name(config.project, NAME),
            needs=destinations if region == primary else (),
            outputs=tuple((name, "BucketName") for name in names.public_names(config.regions, region, "bucketName")),
        )
        for region in (*secondaries, primary)
    )


def make_component(config: Config) -> Component:
    """Return the buckets, which replicate from the primary to each secondary."""
    primary, secondaries = config.regions.primary, config.regions.secondaries
    bucket_names = {region: OutputOf((stack_id(region, NAME), "BucketName")) for region in config.regions.all}
    return Component(bucket=Bucket(names=bucket_names, replication=tuple((primary, region) for region in secondaries)))


def make_names(config: Config) -> Iterator[Name]:
    """Yield the longest of the physical names."""
    region = Region(max(config.regions.all, key=len))
    yield Name("bucket", names.bucket_name(config.project, region), _LENGTH)
