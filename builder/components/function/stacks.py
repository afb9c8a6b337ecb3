"""The functions: one stack a region, the same template in each."""

from collections.abc import Iterator

from builder.assembly.components import Component, FunctionComponent, OutputOf
from builder.components.table.stacks import NAME as TABLE
from builder.config import Config
from builder.topology import Stack, names, stack_id
from builder.topology.names import Name

NAME = "service"
_LENGTH = 64
"""Of a function's name.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return each region's stack; where there is a table, it comes first.

    `BornAs` names the function for good, so that a region's URL outlives any change of the regions' roles.
    """
    regions = config.regions
    return tuple(
        Stack(
            component="function",
            name=NAME,
            region=region,
            stack_name=names.stack_name(config.project, NAME),
            needs=(stack_id(regions.primary, TABLE),) if config.table else (),
            parameters={"Role": regions.role(region), "BornAs": regions.born_as(region)},
            outputs=tuple((name, "FunctionUrl") for name in names.public_names(regions, region, "lambdaUrl")),
        )
        for region in regions.all
    )


def make_component(config: Config) -> Component:
    """Return the function with each region's URL."""
    url = {region: OutputOf((stack_id(region, NAME), "FunctionUrl")) for region in config.regions.all}
    return Component(function=FunctionComponent(url=url))


def make_names(config: Config) -> Iterator[Name]:
    """Yield the longest of the functions' names."""
    yield Name("function", names.function_name(config.project, "secondary"), _LENGTH)
