"""`destroy`: everything the deployment has, in reverse order."""

from collections.abc import Collection

import click

from builder.cli.carry_out import tell_end
from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.cli.wish import allow_option
from builder.errors import BadInput, ExitCode


@click.command()
@click.option("--yes", is_flag=True, help="Answer every question with yes, the deployment's name included.")
@allow_option
@global_options
@click.pass_obj
def destroy(wiring: Wiring, *, yes: bool, allow: Collection[str]) -> ExitCode:
    """Delete every stack that carries the deployment's tag, with all data in it."""
    from builder.deploy import Removal, check_protection, deployment_name, find_standing
    from builder.deploy import destroy as take_down

    if wiring.skip_regions:
        raise BadInput(
            where="--skip-region",
            what="destroy needs every region: replication is stopped, and what needs a stack goes before it",
        )
    manifest = wiring.manifest
    name = deployment_name(manifest.project, wiring.suffix)
    standing = wiring.run(find_standing(name, manifest.sites, wiring.clients))
    if not standing:
        wiring.console.say(f"nothing of {name} stands in {', '.join(manifest.regions)}")
        return ExitCode.DONE
    wiring.console.say("".join(f"{one.id}  {one.stack.name}  {one.stack.status}\n" for one in standing))
    check_protection(standing, allow)
    if not yes:
        wiring.console.ask("Delete all of this, with all its data? Type the deployment's name", name)
    needs = {entry.id: entry.needs for entry in manifest.stacks}
    removal = Removal(standing=standing, needs=needs, allow=allow)
    with wiring.console.progress() as emit:
        ended = wiring.run(take_down(removal, wiring.clients, wiring.seal().id, emit))
    return tell_end(wiring, ended, "python -m builder destroy    goes on from here")
