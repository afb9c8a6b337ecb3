"""The global table: one stack in the primary, which has all replicas."""

from collections.abc import Iterator

from builder.assembly.components import Component, Table
from builder.config import Config
from builder.topology import Stack, names
from builder.topology.names import Name

NAME = "table"
_LENGTH = 255
"""Of a table's name.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return the one stack."""
    return (
        Stack(
            component="table",
            name=NAME,
            region=config.regions.primary,
            stack_name=names.stack_name(config.project, NAME),
            outputs=(("globalTableName", "TableName"),),
        ),
    )


def make_component(config: Config) -> Component:
    """Return the table with its replicas' regions."""
    return Component(table=Table(name=names.table_name(config.project), regions=config.regions.all))


def make_names(config: Config) -> Iterator[Name]:
    """Yield the table's name."""
    yield Name("table", names.table_name(config.project), _LENGTH)
