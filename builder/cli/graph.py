"""`graph`: what stands in which region, what needs what, and where data is copied to."""

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(("mermaid", "dot")),
    default="mermaid",
    show_default=True,
    help="For a page that draws Mermaid, or for Graphviz.",
)
@global_options
@click.pass_obj
def graph(wiring: Wiring, *, form: str) -> ExitCode:
    """Draw the topology of dr.yaml, or of --assembly: regions, stacks and their needs, replication."""
    from builder.assembly.diagram import make_diagram
    from builder.report import dot, mermaid
    from builder.report.screen import say

    assembly = wiring.current if wiring.assembly else wiring.rendered
    renderers = {"mermaid": mermaid.diagram, "dot": dot.diagram}
    say(renderers[form](make_diagram(assembly)).removesuffix("\n"))
    return ExitCode.DONE
