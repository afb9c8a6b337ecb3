"""`runbook`: the page of this deployment for the bad day, from files alone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.command import global_options, pass_session
from builder.cli.files import check_writable, write_whole
from builder.cli.session import Session
from builder.errors import ExitCode
from builder.report.screen import say

if TYPE_CHECKING:
    from builder.cli.project import Project
    from builder.runbook import RunbookRequest

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write the Markdown there instead of to stdout.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write one page for a browser too, without scripts.")
@global_options
@pass_session
def runbook(session: Session, *, output: Path | None, html: Path | None) -> ExitCode:
    """Write what to type on the bad day: loss of a region, of DynamoDB alone, promotion, failback, bad data.

    Every name in it is this deployment's, of dr.yaml and templates/ as they lie here; AWS is not asked.
    """
    from builder.report.runbook import runbook_markdown, runbook_page
    from builder.runbook import make_runbook

    check_writable({"-o": output, "--html": html})
    session.warn_stale()
    made = make_runbook(session.project.assembly_as_is, _request(session.project))
    if html is not None:
        write_whole(html, runbook_page(made).encode())
    if output is not None:
        write_whole(output, runbook_markdown(made).encode())
    else:
        say(runbook_markdown(made).removesuffix("\n"))
    return ExitCode.DONE


def _request(project: "Project") -> "RunbookRequest":
    """Return what beside the assembly the page is made of."""
    from builder.deploy import deployment_name
    from builder.runbook import RunbookRequest

    config = project.config
    environments = {config.environment, *config.environments} if config else set()
    objectives = config.objectives.model_dump(exclude_none=True) if config else {}
    return RunbookRequest(
        deployment=deployment_name(project.manifest.project, project.suffix),
        suffix=project.suffix,
        typed=_typed(project),
        account=project.pinned_account,
        production=bool(project.is_production),
        objectives=tuple(objectives.items()),
        environments=tuple(sorted(environments - {project.suffix})),
        has_config=project.options.assembly is None,
        has_fleet=bool(config and config.fleet),
        drills_components=bool(config and config.drill.components),
    )


def _typed(project: "Project") -> tuple[str, ...]:
    """Return the options by which every command finds this deployment; whose credentials are used is no part of it."""
    options = project.options
    values = {
        "--config": str(options.config) if options.config != Path("dr.yaml") else None,
        "--assembly": str(options.assembly) if options.assembly else None,
        "--project": options.project,
        "--env": project.suffix,
    }
    words = [word for name, value in values.items() if value for word in (name, value)]
    return (*words, *(word for role in options.account_roles for word in ("--account-role", role)))


COMMANDS = {"runbook": runbook}
