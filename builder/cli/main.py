"""The parser, and the one place where an error becomes text and an exit code."""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from builder import __version__
from builder.cli.deploy import deploy
from builder.cli.destroy import destroy
from builder.cli.graph import graph
from builder.cli.init import init
from builder.cli.lint import lint
from builder.cli.local import local
from builder.cli.options import global_options
from builder.cli.outputs import outputs
from builder.cli.plan import plan
from builder.cli.rehearse import rehearse
from builder.cli.render import render
from builder.cli.saved import discard, execute, show
from builder.cli.wiring import Wiring
from builder.errors import BuilderError, ExitCode


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="builder")
@global_options
@click.pass_context
def cli(context: click.Context) -> None:
    """One system in two AWS regions: rendered from dr.yaml, reviewed as change sets, deployed, rehearsed.

    \b
    without AWS       init, render, lint, graph, rehearse, local
    review first      plan, show, execute, discard
    in one go         deploy, outputs, destroy
    \b
    exit codes: 0 done or nothing to do, 1 failed, 2 bad input, 3 changes found, 4 stopped for a person
    """
    context.ensure_object(Wiring)


for _command in (init, render, lint, graph, plan, show, execute, discard, deploy, outputs, destroy, local, rehearse):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; nothing a person or AWS did wrong ends in a traceback."""
    try:
        return int(cli.main(arguments, prog_name="python -m builder", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BuilderError as error:
        _tell(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "\ninterrupted: what CloudFormation has begun goes on there; the same command takes it up again", err=True
        )
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Keep Python from complaining about it while shutting down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is told in one line, and kept in full
        click.echo(f"error: a bug in the builder: {error!r}; details: {_keep_traceback()}", err=True)
        return ExitCode.BUG


def _tell(error: BuilderError) -> None:
    click.secho("error: ", fg="red", nl=False, err=True)
    click.echo(str(error), err=True)
    if error.next_step:
        click.echo(f"next:  {error.next_step}", err=True)


def _keep_traceback() -> Path:
    versions = f"builder {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    with tempfile.NamedTemporaryFile("w", prefix="builder-bug-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(versions + traceback.format_exc())
    return Path(log.name)
