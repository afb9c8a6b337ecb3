"""`backfill`: what was in buckets before they had rules, replicated by S3 Batch Replication."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from builder.cli.command import global_options, pass_session
from builder.cli.options import yes_option
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.deploy.backfill.records import Backfill, BackfillOptions, Ended, Job, ReplicationSource
    from builder.deploy.observe.objects import Gap

    Planned = tuple[Backfill, dict[str, Gap] | None]

_GO_ON = "the jobs go on in S3; python -m builder backfill    looks at them again and begins none twice"


@click.command()
@click.option("--component", "names", multiple=True, metavar="NAME", help="Only this one's buckets; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only count what is not there.")
@click.option("--no-count", is_flag=True, help="Do not list the buckets first: for very many objects.")
@click.option(
    "--replicated",
    is_flag=True,
    help="Also what was replicated before, for a destination that has lost it; implied where a bucket has several.",
)
@click.option("--report", is_flag=True, help="Write what failed into the source, under builder-backfill/.")
@click.option("--with-lifecycle", is_flag=True, help="Though lifecycle rules may remove delete markers that arrive.")
@click.option(
    "--role-arn", metavar="ARN", help="The role that the jobs take, instead of the one in each bucket's stack."
)
@yes_option
@global_options
@pass_session
def backfill(  # noqa: PLR0913 - as click has them
    session: Session,
    *,
    names: tuple[str, ...],
    dry_run: bool,
    no_count: bool,
    replicated: bool,
    report: bool,
    with_lifecycle: bool,
    role_arn: str | None,
    yes: bool,
) -> ExitCode:
    """Replicate what was in a bucket before its rules, by one job of S3 Batch Replication for each that replicates.

    Counts what each destination lacks, asks, and watches the jobs. After Ctrl-C they go on; the same again watches
    them. Exit code 1 where versions could not be replicated, though S3 calls the job Complete.
    """
    from builder.deploy.backfill.jobs import check_lifecycle
    from builder.deploy.backfill.records import BackfillOptions, check_roles
    from builder.report.backfill import plan_text

    if dry_run and no_count:
        raise BadInput(where="--no-count", what="leaves nothing for --dry-run to show")
    sources = _find_sources(session, names, role_arn)
    if not sources:
        session.console.say("no bucket of it replicates: there is nothing to fill")
        return ExitCode.DONE
    options = BackfillOptions(replicated=replicated, report=report)
    planned = session.run(_plan(session, sources, options, is_counted=not no_count))
    session.console.say(plan_text(planned))
    todo = [
        backfill
        for backfill, gaps in planned
        if gaps is None or any(gap.lacking or gap.markers for gap in gaps.values())
    ]
    if not todo:
        session.console.say("nothing is lacking")
        return ExitCode.DONE
    if dry_run:
        return ExitCode.DONE
    check_roles(backfill.source for backfill in todo)
    if not with_lifecycle:
        markers = [
            backfill.source for backfill, gaps in planned if gaps is None or any(gap.markers for gap in gaps.values())
        ]
        session.run(check_lifecycle(session.clients, markers))
    if not yes:
        session.console.ask("Replicate what is lacking?")
    return _run(session, todo, is_counted=not no_count)


def _find_sources(session: Session, names: Sequence[str], role_arn: str | None) -> "tuple[ReplicationSource, ...]":
    """Return the buckets that replicate, of these components or of all. Raises BadInput for a name that is none's."""
    from dataclasses import replace

    from builder.deploy.backfill.jobs import observe_sources
    from builder.errors import did_you_mean
    from builder.terms import Arn

    deployment = session.project.deployment_as_is
    known = [name for name, component in deployment.components.items() if component.bucket]
    for name in names:
        if name not in known:
            what = f"'{name}' is no component with buckets{did_you_mean(name, known)}"
            raise BadInput(where="--component", what=what, next_step=f"they are {', '.join(known) or 'none'}")
    if names:
        chosen = {name: component for name, component in deployment.components.items() if name in names}
        deployment = replace(deployment, components=chosen)
    session.run(session.check_credentials(deployment))
    return session.run(observe_sources(deployment, session.clients, Arn(role_arn) if role_arn else None))


async def _plan(
    session: Session, sources: "Sequence[ReplicationSource]", options: "BackfillOptions", *, is_counted: bool
) -> "list[Planned]":
    """Return what is to be done about each source, and what its destinations lack."""
    from builder.aws import together
    from builder.deploy.backfill.jobs import count_lacking, plan_backfill
    from builder.report.backfill import counted_event

    deployment, clients, console = session.project.deployment_as_is.name, session.clients, session.console
    backfills = await together(plan_backfill(clients, deployment, source, options) for source in sources)
    gaps: list[dict[str, Gap] | None] = [None] * len(sources)
    if is_counted:
        gaps = [*await together(count_lacking(clients, source) for source in sources)]
    if session.options.json_events:
        for backfill, lacking in zip(backfills, gaps, strict=True):
            console.result(counted_event(backfill, lacking, console.now()))
    return list(zip(backfills, gaps, strict=True))


def _run(session: Session, todo: "Sequence[Backfill]", *, is_counted: bool) -> ExitCode:
    """Run a job for each, side by side, and say how they ended."""
    from builder.aws import together
    from builder.deploy.backfill.jobs import run_backfill
    from builder.deploy.backfill.records import Ended
    from builder.report.backfill import BackfillEnded, BackfillProgress, ended_text, event, progress_text

    console = session.console
    seen: dict[str, Job] = {}

    def emit(job: "Job") -> None:
        seen[job.source] = job
        if session.options.json_events:
            console.result(event(BackfillProgress(job=job), console.now()))
        else:
            console.say(progress_text(job))

    async def run() -> "list[Ended]":
        return await together(run_backfill(session.clients, backfill, emit, is_counted=is_counted) for backfill in todo)

    interrupted = False
    try:
        ended = session.run(run(), state=_GO_ON)
    except KeyboardInterrupt:
        interrupted = True
        ended = [Ended(job=job, verdict="failed", why="goes on") for job in seen.values()]
    if session.options.json_events:
        console.result(event(BackfillEnded(jobs=tuple(ended), interrupted=interrupted), console.now()))
    if interrupted:
        console.warn(_GO_ON)
        return ExitCode.INTERRUPTED
    console.say(ended_text(ended))
    if all(end.verdict != "failed" for end in ended):
        return ExitCode.DONE
    console.warn("next:  python -m builder backfill --report    tries what failed again, and lists what fails then")
    return ExitCode.FAILED


COMMANDS = {"backfill": backfill}
