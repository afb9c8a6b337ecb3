"""`destroy`: everything the deployment has, in reverse order."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from builder.cli.carry_out import tell_end
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option, production_option
from builder.errors import BadInput, ExitCode
from builder.terms import Region, Site

if TYPE_CHECKING:
    from builder.deploy import Standing, Survey

_AGAIN = "python -m builder destroy    goes on from here"


@click.command()
@click.option("--yes", is_flag=True, help="Answer every question with yes, the deployment's name included.")
@click.option(
    "--project", metavar="NAME", help="Find the deployment by its tag alone; needs neither dr.yaml nor assembly."
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="REGION",
    help="Look there besides the assembly's regions, instead of in every region; repeatable.",
)
@production_option
@allow_option
@global_options
@click.pass_obj
def destroy(  # noqa: PLR0913 - its options
    wiring: Wiring,
    *,
    yes: bool,
    yes_in_production: bool,
    project: str | None,
    regions: tuple[str, ...],
    allow: Collection[str],
) -> ExitCode:
    """Delete every stack that carries the deployment's tag, with all data in it."""
    from builder.assembly.uses import read_uses
    from builder.deploy import (
        Removal,
        check_credentials,
        check_removable,
        deployment_name,
        look_after,
        make_needs,
        survey,
        tell_allowed,
    )
    from builder.deploy import destroy as take_down

    if wiring.skip_regions:
        raise BadInput(
            where="--skip-region",
            what="destroy needs every region: replication is stopped, and what needs a stack goes before it",
        )
    wiring.project = project
    manifest = None if project else wiring.manifest
    name = deployment_name(project or wiring.manifest.project, wiring.suffix)
    sites, elsewhere = _area(wiring, manifest.sites if manifest else (), regions)
    if manifest:
        wiring.run(check_credentials(name, wiring.pinned_account, sites, wiring.clients))
    before = wiring.run(survey(name, sites, elsewhere, wiring.clients))
    standing = before.standing
    if not standing:
        return _tell_left(wiring, name, (), before)
    wiring.console.say("".join(f"{_told(one)}\n" for one in standing))
    _check_home(wiring, name, standing)
    tell_allowed(check_removable(standing, allow), wiring.console.tell)
    if not yes or wiring.asks_in_production(said=yes_in_production):
        accounts = ", ".join(sorted({one.stack.account for one in standing}))
        wiring.console.ask(
            f"Delete all of this in account {accounts}, with all its data? Type the deployment's name",
            name,
            otherwise=wiring.answer_to_destroy,
        )
    # Exports in use are deleted after their importers: what templates show counts as what the manifest says.
    known = read_uses(manifest, wiring.at_hand.templates)[1].of if manifest else {}
    removal = Removal(standing=standing, needs=make_needs(standing, known), allow=allow)
    with wiring.console.progress() as emit:
        ended = wiring.run(take_down(removal, wiring.clients, wiring.seal().id, emit))
    code = tell_end(wiring, ended, _AGAIN)
    after = wiring.run(look_after(before, name, wiring.clients))
    return max(code, _tell_left(wiring, name, standing, after))


def _area(
    wiring: Wiring, sites: tuple[Site, ...], regions: tuple[str, ...]
) -> tuple[tuple[Site, ...], tuple[Site, ...]]:
    """Return the sites that have to answer, and those that are looked at where they do."""
    accounts = (None, *wiring.roles)
    said = tuple(Site(account, Region(region)) for region in regions for account in accounts)
    every = (
        () if regions else tuple(Site(account, region) for region in wiring.clients.regions() for account in accounts)
    )
    return tuple(dict.fromkeys((*sites, *said))), every


def _told(one: "Standing") -> str:
    return f"{one.id}  {one.stack.name}  account {one.stack.account}  {one.stack.status}"


def _check_home(wiring: Wiring, name: str, standing: "tuple[Standing, ...]") -> None:
    """Return if the stacks found with the credentials alone are of the account that is pinned. Raises BadInput."""
    from builder.deploy import check_account

    pinned = wiring.pinned_account if wiring.project is None else None
    for one in standing:
        if one.stack.site.account is None:
            check_account(name, pinned, one.stack.account)


def _tell_left(wiring: Wiring, name: str, before: "tuple[Standing, ...]", after: "Survey") -> ExitCode:
    from builder.report.left import left

    wiring.console.say(left(name, before, after))
    return ExitCode.FAILED if after.standing else ExitCode.DONE
