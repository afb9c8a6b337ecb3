"""The buckets: each one a region, and in the primary, which replicates, the role for that."""

from collections.abc import Iterable, Iterator

from builder.assembly.components import Bucket, Component, OutputOf
from builder.assembly.manifest import Interim
from builder.components.environments import parameters_of
from builder.components.key.stacks import key_id, key_needs
from builder.components.options import BUCKET
from builder.config import Config
from builder.terms import LogicalId, Region
from builder.topology import Stack, names, stack_id
from builder.topology.names import PhysicalName

REPLICATES = "Replicates"
"""The parameter of a stack whose rules come when others stand."""
_LENGTH = 63
"""Of a bucket's name.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return of each bucket the secondaries' stacks, and the primary's, which needs them."""
    return tuple(stack for name in config.buckets_by_name for stack in _stacks(config, name))


def _stacks(config: Config, name: str) -> Iterator[Stack]:
    stack = stack_part(name)
    first, *others = _order(config, name)
    order = (*others, first)
    for place, region in enumerate(order):
        public = names.public_names(config.regions, region, "bucketName")
        # S3 takes no rule before its destination stands: of two that lead to each other the first gets its own last.
        leads_to = destinations(config, name, region)
        before = tuple(stack_id(other, stack) for other in order[:place] if other in leads_to)
        after = tuple(stack_id(other, stack) for other in order[place + 1 :] if other in leads_to)
        yield Stack(
            component=BUCKET,
            name=stack,
            of=name,
            region=region,
            stack_name=names.stack_name(config.project, stack),
            needs=(*key_needs(config, region), *before),
            parameters={
                **parameters_of(config, BUCKET, name),
                **(key_id(config, region) if leads_to else {}),
                **({REPLICATES: "true"} if after else {}),
            },
            interim=Interim(until=after, parameters={REPLICATES: "false"}) if after else None,
            outputs=tuple(
                (output, "BucketName") for output in (public if name == BUCKET else (f"{name}.{region}.bucket",))
            ),
            existing=(LogicalId("Bucket"),) if names.existing_bucket(config, name, region) else (),
        )


def _order(config: Config, name: str) -> tuple[Region, ...]:
    """Return the regions of a bucket, the one that is made last being first.

    Of a pair that replicates both ways it stays as it was on the first day: a new primary is nothing to it.
    """
    regions = config.regions
    return regions.by_birth if config.buckets_by_name[name].replication == "two-way" else regions.all


def destinations(config: Config, name: str, region: Region) -> tuple[Region, ...]:
    """Return the regions that a bucket replicates to from a region."""
    primary, secondaries = config.regions.primary, config.regions.secondaries
    match config.buckets_by_name[name].replication:
        case "one-way":
            return secondaries if region == primary else ()
        case "two-way":
            return tuple(other for other in _order(config, name) if other != region)
        case "none":
            return ()


def replicated_buckets(config: Config) -> tuple[str, ...]:
    """Return the buckets that replicate out of the primary, by name."""
    return tuple(name for name in config.buckets_by_name if destinations(config, name, config.regions.primary))


def stack_part(name: str) -> str:
    """Return the last part of the ids of a bucket's stacks."""
    return "storage" if name == BUCKET else name


def make_components(config: Config) -> dict[str, Component]:
    """Return the buckets, with the directions that they replicate in."""
    regions = config.regions.all

    def ways(name: str) -> tuple[tuple[Region, Region], ...]:
        return tuple((source, to) for source in regions for to in destinations(config, name, source))

    def outputs(name: str, regions: Iterable[Region], output: str) -> dict[Region, OutputOf]:
        return {region: OutputOf((stack_id(region, stack_part(name)), output)) for region in regions}

    return {
        name: Component(
            bucket=Bucket(
                names=outputs(name, regions, "BucketName"),
                replication=ways(name),
                batch_roles=outputs(
                    name, dict.fromkeys(source for source, _ in ways(name) if options.has_batch_role), "BatchRoleArn"
                ),
            )
        )
        for name, options in config.buckets_by_name.items()
    }


def make_names(config: Config) -> Iterator[PhysicalName]:
    """Yield the longest of each bucket's physical names, and one that was there before."""
    for name in config.buckets_by_name:
        existing_names = {region: names.existing_bucket(config, name, region) for region in config.regions.all}
        longest = max((region for region, existing in existing_names.items() if existing is None), key=len)
        yield PhysicalName("bucket", names.bucket_name(config, name, longest), _LENGTH, names.own(name))
        yield from (
            PhysicalName("bucket", existing, _LENGTH, is_existing=True)
            for existing in existing_names.values()
            if existing
        )
