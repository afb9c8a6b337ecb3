"""`lint`: cfn-lint and the checks that span templates, over the assembly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode

# cfn-lint's own; a test holds them to its parser, which would cost a second to ask.
FORMATS = ("quiet", "parseable", "json", "junit", "pretty", "sarif")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), help="One of cfn-lint's own output formats.")
@global_options
@click.pass_obj
def lint(wiring: Wiring, *, form: str | None) -> ExitCode:
    """Lint the assembly: each template for its region, then what spans templates."""
    with _seldom_collected():
        from builder.assembly.lint import lint_assembly
        from builder.assembly.lint_output import in_format
        from builder.report import findings
        from builder.report.screen import say

        wiring.warn_stale()
        linted = lint_assembly(wiring.templates)
    for finding in linted.findings if wiring.json_events else ():
        wiring.console.result(findings.as_event(finding, wiring.console.now()))
    written = in_format(linted, form) if form else findings.as_text(linted.findings)
    if written:
        say(written, err=wiring.json_events)
    return ExitCode.FAILED if linted.findings else ExitCode.DONE


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for garbage a hundred times less often: cfn-lint's rules and schemas are none, and looking took a fifth."""
    first, *others = gc.get_threshold()
    gc.set_threshold(50_000, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
