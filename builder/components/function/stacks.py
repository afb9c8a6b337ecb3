"""The functions: each one stack a region, the same template in each."""

from collections.abc import Iterator

from builder.assembly.components import Component, FunctionComponent, OutputOf
from builder.components.environments import parameters_of
from builder.components.key.stacks import function_key, key_needs
from builder.components.options import FUNCTION, TABLE
from builder.config import Config
from builder.terms import Region
from builder.topology import Stack, names, stack_id
from builder.topology.names import Name

_LENGTH = 64
"""Of a function's name.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return each region's stack of every function; where there is a table that it uses, that comes first."""
    return tuple(stack for name in config.functions_by_name for stack in _stacks(config, name))


def _stacks(config: Config, name: str) -> Iterator[Stack]:
    regions, stack = config.regions, stack_part(name)
    uses_table = name == FUNCTION and config.table is not None
    for region in regions.all:
        public = names.public_names(regions, region, "lambdaUrl")
        key = function_key(config, region, uses_data=uses_table)
        yield Stack(
            component=FUNCTION,
            name=stack,
            of=name,
            region=region,
            stack_name=names.stack_name(config.project, stack),
            needs=(
                *(key_needs(config, region) if key else ()),
                *((stack_id(regions.primary, TABLE),) if uses_table else ()),
            ),
            parameters={**_roles(config, name, region), **parameters_of(config, FUNCTION, name), **key},
            outputs=tuple(
                (output, "FunctionUrl") for output in (public if name == FUNCTION else (f"{name}.{region}.url",))
            ),
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
    """Return the functions with each region's URL."""
    return {
        name: Component(
            function=FunctionComponent(
                url={
                    region: OutputOf((stack_id(region, stack_part(name)), "FunctionUrl"))
                    for region in config.regions.all
                }
            )
        )
        for name in config.functions_by_name
    }


def make_names(config: Config) -> Iterator[Name]:
    """Yield the longest of each function's names."""
    region = max(config.regions.all, key=len)
    for name in config.functions_by_name:
        yield Name("function", names.function_name(config.project, name, role="secondary", region=region), _LENGTH)
