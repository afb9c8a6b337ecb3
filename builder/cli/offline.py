"""`init`, `render`, `build`, `lint`, `graph`, `rehearse`, `local`: what takes no AWS.

First what is done with files alone; then the embedded AWS, for a whole life of the system or in the foreground.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.command import global_options, pass_session
from builder.cli.files import check_folder
from builder.cli.options import Options
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode
from builder.report.screen import say

if TYPE_CHECKING:
    from builder.rehearsal import Chapter, Line


# cfn-lint's own; a test holds them to its parser, which would cost a second to ask.
FORMATS = ("quiet", "parseable", "json", "junit", "pretty", "sarif")


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
    project = Session(Options(config=folder / "dr.yaml")).project
    for path in write_assembly(project.templates, project.assembly_made).paths:
        say(f"wrote {project.templates / path}")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    say(f"next:  {here}python -m builder rehearse    the whole life of it, without an account")
    say("       python -m builder render      after an edit of dr.yaml: templates/, to be committed with it")
    say("       python -m builder deploy      shows what would change in AWS, and asks")
    return ExitCode.DONE


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 3 and name the files where templates/ is stale.")
@global_options
@pass_session
def render(session: Session, *, check: bool) -> ExitCode:
    """Write templates/ and its manifest from dr.yaml, and templates/fleet/ where it asks for a fleet."""
    from builder.assembly import find_changes, write_assembly
    from builder.assembly.store import size_notes
    from builder.config.between import pace_notes

    project = session.project
    if check and project.loaded.config.stacks:
        from builder.assembly.render import check_again

        check_again(project.loaded, project.assembly_made)
    changes = (find_changes if check else write_assembly)(project.templates, project.assembly_made)
    for path in changes.paths:
        done = "removed" if path in changes.removed else "wrote"
        say(f"{'stale' if check else done} {project.templates / path}")
    if not changes.paths:
        say(f"{project.templates} is as {session.options.config.name} says")
    config = project.loaded.config
    paces = pace_notes(config.fleet.model_dump()) if config.fleet else ()
    for note in (*size_notes(project.assembly_made.beside, config.admin_region), *paces):
        say(f"note: {note}", err=True)
    return ExitCode.CHANGES_FOUND if check and changes.paths else ExitCode.DONE


@click.command()
@global_options
@pass_session
def build(session: Session) -> ExitCode:
    """Make what is missing of the code and templates that stacks take from a bucket, in build/."""
    from builder.assembly.build import Built, NotBuilt
    from builder.errors import BadInput, gathered

    project = session.project
    assembly = project.assembly_fresh
    built = session.build(assembly)
    for asset in built:
        if isinstance(asset, Built) and asset.fresh:
            say(f"made {asset.path} of {asset.asset.source}")
            for note in asset.notes:
                say(f"note: {asset.asset.source}: {note}", err=True)
    missing = [asset for asset in built if isinstance(asset, NotBuilt)]
    if missing:
        raise gathered([BadInput(where=asset.asset.key, what=asset.why) for asset in missing])
    if not any(isinstance(asset, Built) and asset.fresh for asset in built):
        say(f"{project.build_folder} has all that {project.templates} takes" if built else "nothing to make: no asset")
    return ExitCode.DONE


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), help="One of cfn-lint's own output formats.")
@global_options
@pass_session
def lint(session: Session, *, form: str | None) -> ExitCode:
    """Lint the assembly: each template for its region, then what spans templates."""
    from builder.assembly.lint import in_format, lint_assembly
    from builder.report import offline

    session.warn_stale()
    project = session.project
    project.check_unnamed()
    linted = lint_assembly(project.templates, project.assembly_as_is if project.is_cdk else None)
    as_events = session.options.json_events
    for finding in linted.findings if as_events else ():
        session.console.result(offline.as_event(finding, session.console.now()))
    written = in_format(linted, form) if form else offline.as_text(linted.findings)
    if written:
        say(written, err=as_events)
    return ExitCode.FAILED if linted.findings else ExitCode.DONE


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
@pass_session
def graph(session: Session, *, form: str) -> ExitCode:
    """Draw the topology of dr.yaml, or of --assembly: regions, stacks and their needs, replication."""
    from builder.assembly.diagram import make_diagram
    from builder.report import offline

    project = session.project
    assembly = project.assembly_fresh if session.options.assembly else project.assembly_made
    renderers = {"mermaid": offline.mermaid_diagram, "dot": offline.dot_diagram}
    say(renderers[form](make_diagram(assembly)).removesuffix("\n"))
    return ExitCode.DONE


_SHELL_LINES = """\
the embedded AWS listens at {endpoint}; in another shell:

  export AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
  export AWS_DEFAULT_REGION=us-east-1
  export BUILDER_LOCAL_TOKEN={token}

the access key is the account: any 12 digits. The token is for /_builder/ and /_ministack/ only. Ctrl-C ends it.
"""


@click.command()
@click.option("--fleet", is_flag=True, help="The life of a fleet instead: many accounts, by StackSets.")
@global_options
@pass_session
def rehearse(session: Session, *, fleet: bool) -> ExitCode:
    """Render, lint, plan, deploy, use, update, drift and destroy it all on an embedded AWS; no account is touched."""
    from builder.rehearsal import Chapter, Stage, rehearse_assembly, rehearse_fleet, rehearse_system

    project, console = session.project, session.console
    is_taken = session.options.assembly is not None
    if is_taken and fleet:
        raise BadInput(where="--fleet", what="a fleet's rehearsal renders dr.yaml: another assembly's is not rehearsed")
    started = console.now()

    def tell(news: "Chapter | Line") -> None:
        seconds = (console.now() - started).total_seconds()
        console.say(f"\n{news.title}  [{seconds:.1f} s]" if isinstance(news, Chapter) else f"  {news.text}")

    stage = Stage(tell, session.run, console.progress, session.plan_id)
    try:
        if is_taken:
            rehearse_assembly(project.assembly_fresh, project.root, project.build_folder, project.suffix, stage)
        else:
            (rehearse_fleet if fleet else rehearse_system)(project.loaded, project.suffix, stage)
    except KeyboardInterrupt:
        console.warn("interrupted: the embedded AWS is gone, and with it all that stood there")
        return ExitCode.INTERRUPTED
    seconds = (console.now() - started).total_seconds()
    console.say(f"\nrehearsal passed in {seconds:.1f} s: what was deployed is gone, no account was touched")
    return ExitCode.DONE


@click.command()
@click.option("--port", default=4566, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--enforce-iam", is_flag=True, help="Users and roles may do what their policies say, and no more.")
@click.option(
    "--function-processes", type=click.IntRange(1), metavar="N", help="At most, of one function; 4 by default."
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep what it holds in this folder.")
@global_options
def local(*, port: int, state: Path | None, enforce_iam: bool, function_processes: int | None) -> ExitCode:
    """Run an AWS on 127.0.0.1 that needs no account, until Ctrl-C or SIGTERM."""
    from builder.local import FUNCTION_PROCESSES, ServeOptions, serve

    if state is not None:
        check_folder("--state", state)
    options = ServeOptions(
        port=port,
        state=state,
        enforce_iam=enforce_iam,
        function_processes=function_processes or FUNCTION_PROCESSES,
    )
    serve(options, lambda endpoint, token: say(_SHELL_LINES.format(endpoint=endpoint, token=token)))
    return ExitCode.DONE


COMMANDS = {
    "init": init,
    "render": render,
    "build": build,
    "lint": lint,
    "graph": graph,
    "rehearse": rehearse,
    "local": local,
}
