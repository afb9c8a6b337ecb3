"""`init`: an empty folder to a project."""

from pathlib import Path

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The builder's own wheel: copied to vendor/, pinned in requirements.txt; also into a project that stands.",
)
@global_options
def init(folder: Path, wheel: Path | None) -> ExitCode:
    """Write a project into an empty FOLDER (here where none is named).

    It has a commented dr.yaml, its handlers and rendered templates, tests, requirements with hashes, and a workflow
    that plans pull requests and executes what was reviewed.

    """
    from builder.assembly import write_assembly
    from builder.report.screen import say
    from builder.starter import add_wheel, pin_wheel, read_starter, write_starter

    if wheel is not None and (folder / "dr.yaml").exists():
        for path in pin_wheel(folder, wheel):
            say(f"wrote {folder / path}")
        return ExitCode.DONE
    files = read_starter(folder.resolve().name)
    if wheel is not None:
        files |= add_wheel(files["requirements.txt"], wheel)
    write_starter(folder, files)
    for path in files:
        say(f"wrote {folder / path}")
    project = Wiring(config=folder / "dr.yaml")
    for path in write_assembly(project.templates, project.rendered).paths:
        say(f"wrote {project.templates / path}")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    say(f"next:  {here}python -m builder rehearse    the whole life of it, without an account")
    say("       python -m builder render      after an edit of dr.yaml: templates/, to be committed with it")
    say("       python -m builder deploy      shows what would change in AWS, and asks")
    return ExitCode.DONE
