"""The functions: each one stack a region, the same template in each."""

from collections.abc import Iterator

from builder.assembly.components import Component, FunctionComponent, OutputOf
from builder.components.bucket.stacks import stack_part as bucket_part
from builder.components.environments import parameters_of
from builder.components.key.stacks import function_key, key_needs
from builder.components.options import FUNCTION, TABLE
from builder.config import Config
from builder.terms import Region, StackId
from builder.topology import Stack, names, stack_id
from builder.topology.names import PhysicalName

_LENGTH = 64
"""Of a function's name.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return each region's stack of every function; where there is a table that it uses, that comes first."""
    return tuple(stack for name in config.functions_by_name for stack in _stacks(config, name))


def _stacks(config: Config, name: str) -> Iterator[Stack]:
    regions, stack = config.regions, stack_part(name)
    for region in regions.all:
        key = function_key(config, region, uses_data=uses_data(config, name))
        yield Stack(
            component=FUNCTION,
            name=stack,
            of=name,
            region=region,
            stack_name=names.stack_name(config.project, stack),
            needs=(*(key_needs(config, region) if key else ()), *_needs(config, name, region)),
            parameters={
                **_roles(config, name, region),
                **existing_buckets(config, name, region),
                **parameters_of(config, FUNCTION, name),
                **key,
            },
            outputs=_outputs(config, name, region),
        )


def writes_to_table(config: Config, name: str) -> bool:
    """Return whether a function is the one that writes to the one table without having to say so."""
    return name == FUNCTION and config.table is not None


def uses_data(config: Config, name: str) -> bool:
    """Return whether a function reads or writes any table or bucket of the system."""
    return writes_to_table(config, name) or bool(config.functions_by_name[name].uses)


def existing_buckets(config: Config, name: str, region: Region) -> dict[str, str]:
    """Return what a function is given for buckets that it uses and that one region had before.

    They have another name there than elsewhere, and the template is the same in every region.
    """
    used = [bucket for bucket in config.functions_by_name[name].uses if bucket in config.buckets_by_name]
    return {
        bucket_parameter(bucket): names.bucket_name(config, bucket, region)
        for bucket in used
        if config.buckets_by_name[bucket].existing
    }


def bucket_parameter(bucket: str) -> str:
    """Return the parameter of a function's template that has the name of the region's bucket."""
    return f"NameOf{names.logical_name(bucket)}"


def _outputs(config: Config, name: str, region: Region) -> tuple[tuple[str, str], ...]:
    if config.functions_by_name[name].auth is None:
        return ()
    public = names.public_names(config.regions, region, "lambdaUrl")
    return tuple((output, "FunctionUrl") for output in (public if name == FUNCTION else (f"{name}.{region}.url",)))


def _needs(config: Config, name: str, region: Region) -> tuple[StackId, ...]:
    """Return the stacks of what a function uses: of a table the primary's, of a bucket that of its own region."""
    used = dict.fromkeys((*([TABLE] if writes_to_table(config, name) else ()), *config.functions_by_name[name].uses))
    return tuple(
        stack_id(config.regions.primary, other)
        if other in config.tables_by_name
        else stack_id(region, bucket_part(other))
        for other in used
    )


def _roles(config: Config, name: str, region: Region) -> dict[str, str]:
    """Return what the region is; `BornAs` names the one function for good, so that its URL outlives a change of roles.

    Others are named by their region, which does not change.
    """
    role: dict[str, str] = {"Role": config.regions.role(region)}
    return {**role, "BornAs": config.regions.born_as(region)} if name == FUNCTION else role


def stack_part(name: str) -> str:
    """Return the last part of the ids of a function's stacks."""
    return "service" if name == FUNCTION else name


def make_components(config: Config) -> dict[str, Component]:
    """Return the functions that have URLs, with each region's."""
    return {
        name: Component(
            function=FunctionComponent(
                url={
                    region: OutputOf((stack_id(region, stack_part(name)), "FunctionUrl"))
                    for region in config.regions.all
                },
                health=options.health,
            )
        )
        for name, options in config.functions_by_name.items()
        if options.auth
    }


def make_names(config: Config) -> Iterator[PhysicalName]:
    """Yield the longest of each function's names."""
    region = max(config.regions.all, key=len)
    for name in config.functions_by_name:
        longest = names.function_name(config.project, name, role="secondary", region=region)
        yield PhysicalName("function", longest, _LENGTH, names.own(name))
