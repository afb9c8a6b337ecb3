"""`local`: the embedded AWS in the foreground."""

from pathlib import Path

import click

from builder.cli.options import global_options
from builder.cli.plan_at_hand import check_folder
from builder.errors import ExitCode

_SHELL_LINES = """\
the embedded AWS listens at {endpoint}; in another shell:

  export AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
  export AWS_DEFAULT_REGION=us-east-1
  export BUILDER_LOCAL_TOKEN={token}

the access key is the account: any 12 digits. The token is for /_builder/ and /_ministack/ only. Ctrl-C ends it.
"""


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
    from builder.report.screen import say

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
