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
    from builder.assembly import stale_files, write_assembly
    from builder.assembly.sizes import size_notes
    from builder.report.screen import say

    files = (stale_files if check else write_assembly)(wiring.templates, wiring.rendered)
    for path in files:
        say(f"{'stale' if check else 'wrote'} {wiring.templates / path}")
    if not files:
        say(f"{wiring.templates} is as {wiring.config.name} says")
    for note in size_notes(wiring.rendered.beside, wiring.wanted.config.admin_region):
        say(f"note: {note}", err=True)
    return ExitCode.CHANGES_FOUND if check and files else ExitCode.DONE
