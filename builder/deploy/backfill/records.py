"""What a job of S3 Batch Replication is to do, how it is recognized, and how it ended; pure.

A job is recognized by its description in S3's own list, so a new run continues the job of one that was killed. The
client request token follows from the request and from the jobs before it, so neither a lost answer nor two commands
at once create two jobs.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from builder.assembly.components import Bucket, OutputOf
from builder.deploy.observe.objects import BucketPlace
from builder.errors import Stopped, gathered
from builder.terms import Arn, Region, StackId, counted

REPORT_PREFIX = "builder-backfill"
"""The prefix of reports, in the bucket that is replicated: the role may write nowhere else."""
OPERATION = "S3ReplicateObject"
_PRIORITY = 10
_DESCRIPTION_CHARACTERS = 256
_TOKEN_CHARACTERS = 64
_NEVER, _FAILED, _BEFORE = "NONE", "FAILED", "COMPLETED"
ENDED = frozenset({"Complete", "Failed", "Cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSource:
    """A bucket that replicates, with its destinations."""

    component: str
    bucket: BucketPlace
    destinations: tuple[BucketPlace, ...]
    role: Arn | None
    """The role that a job assumes; counting what is lacking needs none."""

    @property
    def id(self) -> str:
        """The component and the region, `uploads/us-east-1`."""
        return f"{self.component}/{self.bucket.site.region}"

    @property
    def job_role(self) -> Arn:
        """The role that a job assumes. Raises Stopped where there is none."""
        if self.role is None:
            raise _no_role(self)
        return self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillOptions:
    """The options of a backfill."""

    replicated: bool = False
    """Whether to replicate also what was replicated before: for a destination that has lost it."""
    report: bool = False
    """Whether a report of failures is written into the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What a job is to do: a source, with the replication statuses of the objects that it takes."""

    deployment: str
    source: ReplicationSource
    statuses: tuple[str, ...]
    report: bool = False

    @property
    def description(self) -> str:
        """The job's description, by which a later run recognizes it: the same for the same work."""
        source = self.source
        to = " ".join(place.site.region for place in source.destinations)
        known = json.dumps([source.bucket.name, [place.name for place in source.destinations], self.statuses])
        text = f"backfill {self.deployment} {source.component} {source.bucket.site.region} to {to}"
        mark = f" ({hashlib.sha256(known.encode()).hexdigest()[:12]})"
        return text[: _DESCRIPTION_CHARACTERS - len(mark)] + mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An S3 Batch Replication job, as S3 shows it."""

    source: str
    """The source's id."""
    id: str
    status: str
    total: int = 0
    """The number of its tasks, one for each version; 0 while S3 still lists them."""
    succeeded: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()
    """Why it failed, in S3's words."""

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.status in ENDED

    @property
    def is_empty(self) -> bool:
        """Whether it ended without a task; *unverified* whether S3 calls that Failed or Complete."""
        return self.ended and self.status != "Cancelled" and not self.total

    @property
    def is_done(self) -> bool:
        """Whether it ended and every task succeeded: S3 calls a job with failed tasks Complete too."""
        return self.status == "Complete" and not self.failed


def find_sources(
    buckets: Mapping[str, Bucket],
    known: Mapping[tuple[StackId, str], str],
    place: Callable[[OutputOf, str], BucketPlace],
    role_arn: Arn | None,
) -> tuple[ReplicationSource, ...]:
    """Return every bucket that replicates, given the buckets of components by name and the `known` values of outputs.

    `place` returns the place of the bucket that an output names.
    """
    sources = []
    for name, bucket in buckets.items():
        for region in dict.fromkeys(source for source, _ in bucket.replication):
            ends = [to for source, to in bucket.replication if source == region]
            places = {end: place(bucket.names[end], known[bucket.names[end].output]) for end in (region, *ends)}
            sources.append(
                ReplicationSource(
                    component=name,
                    bucket=places[region],
                    destinations=tuple(places[end] for end in ends),
                    role=role_arn or _role(bucket, region, known),
                )
            )
    return tuple(sources)


def check_roles(sources: Iterable[ReplicationSource]) -> None:
    """Raise Stopped, or Several, unless each source has a role for its job."""
    if errors := [_no_role(source) for source in sources if source.role is None]:
        raise gathered(errors)


def _no_role(source: ReplicationSource) -> Stopped:
    return Stopped(
        where=f"{source.component} in {source.bucket.site.region}",
        what="has no role that a job of S3 Batch Replication could take",
        next_step="say `backfill: true` of the bucket in dr.yaml, then: python -m builder deploy"
        "    or --role-arn ARN, a role that batchoperations.s3.amazonaws.com may assume",
    )


def _role(bucket: Bucket, region: Region, known: Mapping[tuple[StackId, str], str]) -> Arn | None:
    of = bucket.batch_roles.get(region)
    return Arn(known[of.output]) if of and of.output in known else None


def choose_statuses(rules: int, options: BackfillOptions) -> tuple[str, ...]:
    """Return the replication statuses of the objects that a job takes, given the number of the bucket's rules.

    An object that one rule has replicated is COMPLETED, even where the destination of another rule lacks it.
    """
    return (_NEVER, _FAILED, _BEFORE) if options.replicated or rules > 1 else (_NEVER, _FAILED)


def make_request(backfill: Backfill, before: Sequence[str]) -> dict[str, Any]:
    """Return the request of CreateJob. `before` has the ids of the earlier jobs of the same work."""
    source = backfill.source
    arn = f"arn:{source.job_role.split(':')[1]}:s3:::{source.bucket.name}"
    owner = source.bucket.owner
    report: dict[str, Any] = {"Enabled": False}
    if backfill.report:
        report = {
            "Enabled": True,
            "Bucket": arn,
            "Prefix": REPORT_PREFIX,
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
            "ExpectedBucketOwner": owner,
        }
    request: dict[str, Any] = {
        "AccountId": owner,
        "Operation": {OPERATION: {}},
        "Report": report,
        "Priority": _PRIORITY,
        "RoleArn": source.job_role,
        "Description": backfill.description,
        "ConfirmationRequired": False,
        "ManifestGenerator": {
            "S3JobManifestGenerator": {
                "SourceBucket": arn,
                "ExpectedBucketOwner": owner,
                "EnableManifestOutput": False,
                "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": list(backfill.statuses)},
            }
        },
    }
    token = hashlib.sha256(json.dumps([request, sorted(before)], sort_keys=True).encode()).hexdigest()
    return {**request, "ClientRequestToken": token[:_TOKEN_CHARACTERS]}


BackfillVerdict = Literal["done", "nothing to do", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job with the verdict on it."""

    job: Job
    verdict: BackfillVerdict
    why: str = ""
    """Why it did not do all of the work."""


def judge(job: Job, left: int | None) -> Ended:
    """Return how a job ended; `left` is the number of versions still lacking after it, None if not counted."""
    if job.is_done and job.total:
        return Ended(job=job, verdict="done")
    if job.is_empty and (left == 0 or (left is None and job.status == "Complete")):
        return Ended(job=job, verdict="nothing to do")
    return Ended(job=job, verdict="failed", why=_why(job, left))


def _why(job: Job, left: int | None) -> str:
    """Return why a job did not do all of the work, in a sentence."""
    reasons = f": {'; '.join(job.reasons)}" if job.reasons else ""
    if job.failed:
        return f"{counted(job.failed, 'version')} of {job.total:,} could not be replicated{reasons}"
    if job.is_empty and left:
        return (
            f"found nothing to replicate, though the destinations lack {counted(left, 'version')}: S3 is still "
            f"replicating, or has before, and what is lacking was deleted there{reasons}"
        )
    return f"ended as {job.status}{reasons}"
