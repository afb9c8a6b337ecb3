"""`rehearse`, `local`: the embedded AWS, for a whole life of the system or in the foreground."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.files import check_folder
from builder.cli.options import global_options, pass_session
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode
from builder.report.screen import say

if TYPE_CHECKING:
    from builder.rehearsal import Chapter, Line

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
    """Render, lint, plan, deploy, use, update and destroy it all on an embedded AWS; no account is touched."""
    from builder.rehearsal import Chapter, Stage, rehearse_fleet, rehearse_system

    project, console = session.project, session.console
    if session.options.assembly is not None:
        raise BadInput(
            where="--assembly",
            what="a rehearsal renders dr.yaml and changes it on the way: another assembly is not rehearsed",
            next_step="python -m builder local    runs the same AWS, for plan and execute with --assembly",
        )
    live = rehearse_fleet if fleet else rehearse_system
    started = console.now()

    def tell(said: "Chapter | Line") -> None:
        seconds = (console.now() - started).total_seconds()
        console.say(f"\n{said.title}  [{seconds:.1f} s]" if isinstance(said, Chapter) else f"  {said.text}")

    try:
        live(project.source, project.suffix, Stage(tell, session.run, console.progress, session.plan_id))
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


COMMANDS = {"rehearse": rehearse, "local": local}
