"""`render`: dr.yaml to templates/."""

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 3 and name the files where templates/ is stale.")
@global_options
@click.pass_obj
def render(wiring: Wiring, *, check: bool) -> ExitCode:
    """Write templates/ and its manifest from dr.yaml, and templates/fleet/ where it asks for a fleet."""
    from builder.assembly import find_changes, write_assembly
    from builder.assembly.sizes import size_notes
    from builder.report.screen import say

    changes = (find_changes if check else write_assembly)(wiring.templates, wiring.rendered)
    for path in changes.paths:
        done = "removed" if path in changes.removed else "wrote"
        say(f"{'stale' if check else done} {wiring.templates / path}")
    if not changes.paths:
        say(f"{wiring.templates} is as {wiring.config.name} says")
    for note in size_notes(wiring.rendered.beside, wiring.wanted.config.admin_region):
        say(f"note: {note}", err=True)
    return ExitCode.CHANGES_FOUND if check and changes.paths else ExitCode.DONE
