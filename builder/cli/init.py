"""`init`: an empty folder to a project."""

from pathlib import Path

import click

from builder.cli.options import global_options
from builder.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@global_options
def init(folder: Path) -> ExitCode:
    """Write a commented dr.yaml, its handlers and a CI workflow into an empty FOLDER (here where none is named)."""
    from builder.report.screen import say
    from builder.starter import read_starter, write_starter

    files = read_starter(folder.resolve().name)
    write_starter(folder, files)
    for path in files:
        say(f"wrote {folder / path}")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    say(f"next:  {here}python -m builder render    dr.yaml to templates/, to be committed with it")
    say("       python -m builder rehearse    the whole life of it, without an account")
    say("       python -m builder deploy      shows what would change in AWS, and asks")
    return ExitCode.DONE
