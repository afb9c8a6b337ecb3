"""The global tables: each a stack in the primary, which has all replicas."""

from collections.abc import Iterator

from builder.assembly.components import Component, Table
from builder.components.environments import parameters_of
from builder.components.key.stacks import key_needs
from builder.components.options import TABLE
from builder.config import Config
from builder.terms import LogicalId
from builder.topology import Stack, names
from builder.topology.names import PhysicalName

_LENGTH = 255
"""Of a table's name.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return each table's stack."""
    return tuple(
        Stack(
            component=TABLE,
            name=name,
            of=name,
            region=config.regions.primary,
            stack_name=names.stack_name(config.project, name),
            needs=key_needs(config, *config.regions.all),
            parameters=parameters_of(config, TABLE, name),
            outputs=(("globalTableName" if name == TABLE else f"{name}.table", "TableName"),),
            existing=(LogicalId("Table"),) if options.existing else (),
        )
        for name, options in config.tables_by_name.items()
    )


def make_components(config: Config) -> dict[str, Component]:
    """Return the tables with their replicas' regions."""
    return {
        name: Component(table=Table(name=names.table_name(config, name), regions=config.regions.all))
        for name in config.tables_by_name
    }


def make_names(config: Config) -> Iterator[PhysicalName]:
    """Yield each table's name."""
    for name, options in config.tables_by_name.items():
        is_existing = options.existing is not None
        yield PhysicalName("table", names.table_name(config, name), _LENGTH, names.own(name), is_existing=is_existing)
