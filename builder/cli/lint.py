"""`lint`: cfn-lint over the assembly."""

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@global_options
@click.pass_obj
def lint(wiring: Wiring) -> ExitCode:
    """Hold the assembly's templates against cfn-lint's rules, each for the region it goes to."""
    from builder.assembly.lint import lint_folder
    from builder.report import text

    found = lint_folder(wiring.templates)
    wiring.console.say(text.findings(found))
    return ExitCode.FAILED if found else ExitCode.DONE
