"""A job of S3 Batch Replication for each bucket that replicates: created unless one exists, and watched."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from builder.assembly.components import OutputOf
from builder.aws import Clients, call, observe_account, pages, together
from builder.deploy.backfill.records import (
    ENDED,
    OPERATION,
    Backfill,
    BackfillOptions,
    Ended,
    Job,
    ReplicationSource,
    choose_statuses,
    find_sources,
    judge,
    make_request,
)
from builder.deploy.desired import Deployment
from builder.deploy.observe.deployment import check_account, observe_every_output
from builder.deploy.observe.objects import BucketPlace, Gap, measure_gap, observe_expiry, observe_rules
from builder.errors import AwsError, Stopped
from builder.terms import Arn

_LAG_S = 60.0
"""For how long S3 may not yet know a job that it has just created."""
_UNKNOWN = frozenset({"NotFoundException", "NoSuchJob"})


async def observe_sources(
    deployment: Deployment, clients: Clients, role_arn: Arn | None
) -> tuple[ReplicationSource, ...]:
    """Return every deployed bucket of the deployment's components that replicates.

    Raises BadInput for an account other than the one dr.yaml pins, Failed for a bucket that is not deployed.
    """
    components = deployment.components.items()
    buckets = {name: component.bucket for name, component in components if component.bucket}
    buckets = {name: bucket for name, bucket in buckets.items() if bucket.replication}
    if not buckets:
        return ()
    account = await observe_account(clients, deployment.regions[0])
    check_account(deployment.name, deployment.account, account)
    output_of: dict[str, OutputOf] = {}
    roles: set[str] = set()
    for name, bucket in buckets.items():
        of_roles = {f"{name}: role in {region}": of for region, of in bucket.batch_roles.items()}
        output_of |= {f"{name}: bucket in {region}": of for region, of in bucket.names.items()} | of_roles
        roles |= of_roles.keys()
    outputs = await observe_every_output(
        replace(deployment, outputs={place: of.output for place, of in output_of.items()}), clients
    )
    # A stack deployed by a version without the role has no such output; --role-arn may name a role.
    replace(outputs, missing={place: why for place, why in outputs.missing.items() if place not in roles}).check()

    def place(of: OutputOf, name: str) -> BucketPlace:
        site = deployment.stack(of.output[0]).site
        return BucketPlace(site=site, name=name, owner=site.account or account)

    known = {output_of[name].output: value for name, value in outputs.values.items()}
    return find_sources(buckets, known, place, role_arn)


async def plan_backfill(
    clients: Clients, deployment: str, source: ReplicationSource, options: BackfillOptions
) -> Backfill:
    """Return what a source's job is to do. Raises Stopped unless a rule replicates to each of its destinations."""
    statuses = choose_statuses(await _count_rules(clients, source), options)
    return Backfill(deployment=deployment, source=source, statuses=statuses, report=options.report)


async def _count_rules(clients: Clients, source: ReplicationSource) -> int:
    enabled = await observe_rules(clients, source.bucket)
    if lacking := [place.text for place in source.destinations if place.name not in enabled]:
        raise Stopped(
            where=source.bucket.text,
            what=f"has no rule that replicates to {', '.join(lacking)}, and a job follows the rules",
            next_step="python -m builder deploy    makes the rules; then the same again",
        )
    return len(enabled)


async def check_lifecycle(clients: Clients, sources: Iterable[ReplicationSource]) -> None:
    """Raise Stopped if a lifecycle rule removes delete markers in a destination while they arrive.

    A marker may arrive before the versions below it; a rule removes it as one without versions, and they reappear.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html
    """
    places = tuple(dict.fromkeys(place for source in sources for place in source.destinations))
    rules = await together(observe_expiry(clients, place) for place in places)
    if risks := [f"{place.text}: {', '.join(names)}" for place, names in zip(places, rules, strict=True) if names]:
        raise Stopped(
            where="lifecycle",
            what="delete markers are to be replicated, and rules remove those that arrive before their versions:\n  "
            + "\n  ".join(risks),
            next_step="say `pause_lifecycle: true` of the bucket, deploy, the same again, and deploy without it"
            "    or --with-lifecycle",
        )


async def begin(clients: Clients, backfill: Backfill) -> Job:
    """Return the running job that does this work, or create one."""
    source = backfill.source
    site = source.bucket.site
    own = await _own_jobs(clients, backfill)
    running = [job["JobId"] for job in own if job["Status"] not in ENDED]
    if running:
        return Job(source=source.id, id=running[0], status="New")
    before = [job["JobId"] for job in own]
    create = clients.of(site).service("s3control", site.region).create_job
    answer = await call(f"{site.region}: {source.component}", create, **make_request(backfill, before))
    return Job(source=source.id, id=answer["JobId"], status="New")


async def _own_jobs(clients: Clients, backfill: Backfill) -> list[Mapping[str, Any]]:
    site = backfill.source.bucket.site
    list_jobs = clients.of(site).service("s3control", site.region).list_jobs
    return [
        job
        async for page in pages(f"{site.region}: jobs", list_jobs, AccountId=backfill.source.bucket.owner)
        for job in page.get("Jobs", [])
        if job.get("Description") == backfill.description and job.get("Operation") == OPERATION
    ]


async def watch(clients: Clients, source: ReplicationSource, job: Job, emit: Callable[[Job], None]) -> Job:
    """Return the job as it ended; emit each state that a read shows.

    Raises Stopped for a job that waits for confirmation.
    """
    seen, site, began = job, source.bucket.site, asyncio.get_running_loop().time()

    async def read() -> Job | None:
        nonlocal seen
        now = await _describe(clients, source, job, began)
        if now != seen:
            seen = now
            emit(now)
        if now.status == "Suspended":
            raise Stopped(
                where=f"{site.region}: job {job.id}",
                what="waits for somebody to confirm it",
                next_step=f"aws s3control update-job-status --region {site.region} --account-id {source.bucket.owner}"
                f" --job-id {job.id} --requested-job-status Ready",
            )
        return now if now.ended else None

    return await clients.of(site).tempo.stacks.until(read)


async def _describe(clients: Clients, source: ReplicationSource, job: Job, began: float) -> Job:
    site = source.bucket.site
    describe = clients.of(site).service("s3control", site.region).describe_job
    try:
        answer = await call(f"{site.region}: job {job.id}", describe, AccountId=source.bucket.owner, JobId=job.id)
    except AwsError as error:
        if error.code not in _UNKNOWN or asyncio.get_running_loop().time() - began > _LAG_S:
            raise
        return job
    return _read(job.source, answer["Job"])


def _read(source: str, shown: Mapping[str, Any]) -> Job:
    tasks = shown.get("ProgressSummary", {})
    return Job(
        source=source,
        id=shown["JobId"],
        status=shown["Status"],
        total=tasks.get("TotalNumberOfTasks", 0),
        succeeded=tasks.get("NumberOfTasksSucceeded", 0),
        failed=tasks.get("NumberOfTasksFailed", 0),
        reasons=tuple(
            " ".join(filter(None, (reason.get("FailureCode"), reason.get("FailureReason"))))
            for reason in shown.get("FailureReasons", [])
        ),
    )


async def count_lacking(clients: Clients, source: ReplicationSource) -> dict[str, Gap]:
    """Return what each destination lacks of a source, by the destination's region."""
    gaps = await together(measure_gap(clients, source.bucket, place) for place in source.destinations)
    return {place.site.region: gap for place, gap in zip(source.destinations, gaps, strict=True)}


async def run_backfill(
    clients: Clients, backfill: Backfill, emit: Callable[[Job], None], *, is_counted: bool = True
) -> Ended:
    """Return how the job of this work ended. A running job is not created twice, and goes on without a watcher."""
    job = await begin(clients, backfill)
    emit(job)
    job = await watch(clients, backfill.source, job, emit)
    left = None
    if job.is_empty and is_counted:
        left = sum(gap.lacking for gap in (await count_lacking(clients, backfill.source)).values())
    return judge(job, left)
