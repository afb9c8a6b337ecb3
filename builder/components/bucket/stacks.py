"""The buckets: each one a region, and in the primary, which replicates, the role for that."""

from collections.abc import Iterable, Iterator

from builder.assembly.components import Bucket, Component, OutputOf
from builder.components.environments import parameters_of
from builder.components.key.stacks import key_id, key_needs
from builder.components.options import BUCKET
from builder.config import Config
from builder.terms import Region
from builder.topology import Stack, names, stack_id
from builder.topology.names import Name

_LENGTH = 63
"""Of a bucket's name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return of each bucket the secondaries' stacks, and the primary's, which needs them."""
    return tuple(stack for name in config.buckets_by_name for stack in _stacks(config, name))


def _stacks(config: Config, name: str) -> Iterator[Stack]:
    primary, secondaries = config.regions.primary, config.regions.secondaries
    stack = stack_part(name)
    destinations = tuple(stack_id(region, stack) for region in secondaries)
    for region in (*secondaries, primary):
        public = names.public_names(config.regions, region, "bucketName")
        yield Stack(
            component=BUCKET,
            name=stack,
            of=name,
            region=region,
            stack_name=names.stack_name(config.project, stack),
            needs=(*key_needs(config, region), *(destinations if region == primary else ())),
            parameters={**parameters_of(config, BUCKET, name), **(key_id(config, region) if region == primary else {})},
            outputs=tuple(
                (output, "BucketName") for output in (public if name == BUCKET else (f"{name}.{region}.bucket",))
            ),
        )


def stack_part(name: str) -> str:
    """Return the last part of the ids of a bucket's stacks."""
    return "storage" if name == BUCKET else name


def make_components(config: Config) -> dict[str, Component]:
    """Return the buckets, which replicate from the primary to each secondary."""
    primary, secondaries = config.regions.primary, config.regions.secondaries
    ways = tuple((primary, region) for region in secondaries)

    def outputs(name: str, regions: Iterable[Region], output: str) -> dict[Region, OutputOf]:
        return {region: OutputOf((stack_id(region, stack_part(name)), output)) for region in regions}

    return {
        name: Component(
            bucket=Bucket(
                names=outputs(name, config.regions.all, "BucketName"),
                replication=ways,
                batch_roles=outputs(name, (primary,) if options.backfill else (), "BatchRoleArn"),
            )
        )
        for name, options in config.buckets_by_name.items()
    }


def make_names(config: Config) -> Iterator[Name]:
    """Yield the longest of each bucket's physical names."""
    region = Region(max(config.regions.all, key=len))
    for name in config.buckets_by_name:
        yield Name("bucket", names.bucket_name(config.project, name, region), _LENGTH)
