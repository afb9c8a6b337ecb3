"""Which fleet is meant, and which of its stacks: what the verbs share that work on one as it stands."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.cli.wiring import Wiring
from builder.errors import Failed
from builder.terms import Site

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

project_option = click.option(
    "--project", metavar="NAME", help="Find the fleet by its tag alone; needs neither dr.yaml nor assembly."
)


def choice_options(function: F) -> F:
    """Add which stacks are meant."""
    for option in reversed(_CHOICES):
        function = option(function)
    return function


def find_fleet(wiring: Wiring, project: str | None) -> "tuple[tuple[Standing, ...], tuple[StackSet, ...]]":
    """Return the stacks that hold the fleet's sets, found by their tag in every region, and the sets.

    So it takes no assembly, and no more of dr.yaml than the project's name, which `project` may say instead. A region
    that does not answer is told. Raises BadInput for another account than dr.yaml has the sets in; Failed where none
    answers at all.
    """
    from builder.aws import observe_account
    from builder.deploy import Survey, check_account, survey
    from builder.fleet import observe_sets, without_instances

    wiring.project = project
    name, sites, clients = wiring.fleet_name, wiring.fleet_sites, wiring.clients
    elsewhere = tuple(Site(None, region) for region in clients.regions() if Site(None, region) not in sites)

    async def look() -> "tuple[Survey, tuple[StackSet, ...]]":
        for site in sites:
            check_account(name, wiring.fleet_account, await observe_account(clients, site.region))
        known = await survey(name, sites, (), clients)
        others = await survey(name, (), elsewhere, clients.hurried())
        found = Survey((*known.standing, *others.standing), others.unseen)
        sets = await observe_sets(found.standing, clients)
        return Survey(await without_instances(found.standing, sets, clients), found.unseen), sets

    found, sets = wiring.run(look())
    for one in found.unseen:
        wiring.console.warn(f"not looked at: {one.site.region}: {one.because}")
    if len(found.unseen) == len((*sites, *elsewhere)):
        raise Failed(where=name, what="no region could be looked at")
    return found.standing, sets
