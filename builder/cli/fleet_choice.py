"""Which of a fleet's stacks are meant, and how they are shown: what `fleet status` and `fleet outputs` share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.cli.wiring import Wiring

if TYPE_CHECKING:
    from builder.deploy import Standing
    from builder.fleet import StackSet

F = TypeVar("F", bound=Callable[..., Any])

_CHOICES = (
    click.option("--account", "accounts", multiple=True, metavar="ID", help="Only this account; repeatable."),
    click.option("--region", "regions", multiple=True, metavar="REGION", help="Only this region; repeatable."),
    click.option("--stack", "stacks", multiple=True, metavar="STACK", help="Only this stack; repeatable."),
    click.option("--csv", "as_csv", is_flag=True, help="A row each, for a spreadsheet."),
)


def choice_options(function: F) -> F:
    """Add which stacks are meant."""
    for option in reversed(_CHOICES):
        function = option(function)
    return function


def find_fleet(wiring: Wiring) -> "tuple[tuple[Standing, ...], tuple[StackSet, ...]]":
    """Return the stacks that hold the fleet's sets and the sets, as they stand whatever the assembly says now."""
    from builder.deploy import find_standing
    from builder.fleet import observe_sets

    deployment, clients = wiring.fleet, wiring.clients

    async def look() -> "tuple[tuple[Standing, ...], tuple[StackSet, ...]]":
        standing = await find_standing(deployment.name, deployment.sites, clients)
        return standing, await observe_sets(standing, clients)

    return wiring.run(look())
