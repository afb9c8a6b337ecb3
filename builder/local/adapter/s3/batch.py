"""S3 Batch Replication: what is in a bucket already is replicated by the bucket's rules, as a job.

A job finds its versions when it starts, the oldest of a key first, and sends each as any write is sent; it is Active
until the last has arrived. What a job finds wrong makes it Failed, in words that are *unverified*.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3JobManifestGenerator.html
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from builder.local.adapter.emulator import AccountRegion, acting_in, touch
from builder.local.adapter.iam import policies
from builder.local.adapter.replication import Replication
from builder.local.adapter.s3.copies import Original
from builder.local.adapter.s3.encryption import region_of
from builder.local.adapter.s3.writes import SentVersion, find_targets, send_version, with_tags

SERVICE = "batchoperations.s3.amazonaws.com"

_S3 = "ministack.services.s3"
_OPEN = frozenset({"Suspended", "Active"})
_FILTERS = frozenset({"CreatedAfter", "CreatedBefore", "EligibleForReplication", "ObjectReplicationStatuses"})

Request = Mapping[str, Any]


class Refusal(Exception):
    """A request that S3 Control refuses, by the code of its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Job:
    """A job, with what it has sent so far; times are seconds since the epoch."""

    id: str
    place: AccountRegion
    request: Request
    created: float
    sent: list[SentVersion] = field(default_factory=list)
    is_suspended: bool = False
    is_cancelled: bool = False
    failure: tuple[str, str] | None = None
    """Code and reason."""
    ended: float | None = None

    @property
    def arn(self) -> str:
        """The ARN that policies name."""
        return f"arn:aws:s3:{self.place.region}:{self.place.account}:job/{self.id}"

    @property
    def status(self) -> str:
        """The status, of which a job here has no more than these."""
        if self.is_cancelled:
            return "Cancelled"
        if self.failure:
            return "Failed"
        if self.is_suspended:
            return "Suspended"
        return "Active" if self.remaining else "Complete"

    @property
    def remaining(self) -> int:
        """The number of versions under way."""
        return sum(sent.pending > 0 for sent in self.sent)

    @property
    def failed(self) -> int:
        """The number of versions that a bucket did not take."""
        return sum(sent.has_failed for sent in self.sent if not sent.pending)


@dataclass(slots=True)
class Jobs:
    """The jobs of every account and region, which last as long as the process."""

    replication: Replication
    jobs: list[Job] = field(default_factory=list)

    def reset(self) -> None:
        """Drop every job."""
        self.jobs.clear()

    def here(self, place: AccountRegion) -> list[Job]:
        """Return the jobs of an account and region, the latest first."""
        jobs = [job for job in reversed(self.jobs) if job.place == place]
        for job in jobs:
            _settle(job)
        return jobs

    def find(self, place: AccountRegion, number: str) -> Job:
        """Return a job. Raises Refusal."""
        for job in self.here(place):
            if job.id == number:
                return job
        raise Refusal("NotFoundException", "The specified job does not exist.")

    def create(self, place: AccountRegion, request: Request) -> Job:
        """Create a job and start it unless it has to be confirmed; a repeated token answers its first job."""
        for job in self.here(place):
            if job.request["ClientRequestToken"] == request["ClientRequestToken"]:
                if job.request != request:
                    raise Refusal("IdempotencyException", "ClientRequestToken has been used with other parameters")
                return job
        _check(request, place)
        job = Job(str(uuid4()), place, request, time.time(), is_suspended=bool(request.get("ConfirmationRequired")))
        self.jobs.append(job)
        if not job.is_suspended:
            self._start(job)
        return job

    def update(self, job: Job, status: str) -> None:
        """Confirm or cancel a job. Raises Refusal for one that has ended."""
        if job.status not in _OPEN or (status == "Ready" and not job.is_suspended):
            raise Refusal("JobStatusException", f"The job is {job.status} and can't become {status}")
        if status == "Cancelled":
            job.is_cancelled = True
            _settle(job)
        else:
            job.is_suspended = False
            self._start(job)

    def _start(self, job: Job) -> None:
        with acting_in(job.place):
            job.failure = _find_failure(job.request)
            if job.failure is None:
                versions = list(_find_versions(self.replication, job.request))
                job.sent = [sent for version in versions if (sent := self._send(job, version))]
                if not job.sent:
                    job.failure = "NoObjectsFound", "Manifest generation found no keys matching the filter criteria."
        _settle(job)

    def _send(self, job: Job, version: Original) -> SentVersion | None:
        if not _may(job.request["RoleArn"], "InitiateReplication", f"arn:aws:s3:::{version.bucket}/{version.key}"):
            return SentVersion(version, pending=0, has_failed=True)
        return send_version(self.replication, version)


# -- the end


def _settle(job: Job) -> None:
    """Note when a job ended, and write its report then."""
    if job.status in _OPEN or job.ended is not None:
        return
    job.ended = time.time()
    report = job.request["Report"]
    tasks = [sent for sent in job.sent if sent.has_failed or report.get("ReportScope") == "AllTasks"]
    if report.get("Enabled") and tasks:
        with acting_in(job.place):
            _write_report(job, report, tasks)


def _write_report(job: Job, report: Request, tasks: list[SentVersion]) -> None:
    """Write the report of a job, one line a version, if its role may."""
    bucket = str(report["Bucket"]).rpartition(":")[2]
    key = f"{report.get('Prefix', '').rstrip('/')}/job-{job.id}/results/report.csv".lstrip("/")
    if not _may(job.request["RoleArn"], "PutObject", f"arn:aws:s3:::{bucket}/{key}"):
        return
    outcomes = {True: "failed,ReplicationFailed,400,", False: "succeeded,,200,"}
    lines = [
        f"{task.original.bucket},{quote(task.original.key)},{task.original.version},{outcomes[task.has_failed]}\n"
        for task in tasks
    ]
    touch(f"{_S3}:_put_object")(bucket, key, "".join(lines).encode(), {"content-type": "text/csv"})


# -- what a request may ask for


def _check(request: Request, place: AccountRegion) -> None:
    """Raise Refusal for what is not played, and for what S3 refuses at once."""
    if {*request["Operation"]} != {"S3ReplicateObject"}:
        raise _unplayed(f"the operation {', '.join(request['Operation'])}")
    generator = (request.get("ManifestGenerator") or {}).get("S3JobManifestGenerator")
    if "Manifest" in request or generator is None:
        raise _unplayed("a manifest that is given")
    if other := {*(generator.get("Filter") or {})} - _FILTERS:
        raise _unplayed(f"the filter {', '.join(sorted(other))}")
    if generator.get("EnableManifestOutput"):
        raise _unplayed("EnableManifestOutput")
    if not request["ClientRequestToken"] or len(request["ClientRequestToken"]) > 64:
        raise Refusal("InvalidRequest", "ClientRequestToken has from 1 to 64 characters")
    bucket = _bucket(request)
    if touch(f"{_S3}:_bucket_owner_account")(bucket) != place.account:
        raise Refusal("InvalidRequest", f"The source bucket {bucket} does not exist, or is another account's")
    if region_of(bucket) != place.region:
        raise Refusal("InvalidRequest", f"The source bucket {bucket} is not in the Region of the job, {place.region}")
    role = request["RoleArn"]
    if policies.is_enforced() and not policies.is_allowed("iam:PassRole", role, {"iam:PassedToService": SERVICE}):
        raise Refusal(
            "AccessDenied", f"User: {policies.who_acts()} is not authorized to perform: iam:PassRole on {role}"
        )


def _unplayed(what: str) -> Refusal:
    return Refusal("NotImplemented", f"The embedded AWS does not play {what} of S3 Batch Operations")


def _bucket(request: Request) -> str:
    return str(request["ManifestGenerator"]["S3JobManifestGenerator"]["SourceBucket"]).rpartition(":")[2]


def _find_failure(request: Request) -> tuple[str, str] | None:
    """Return code and reason if the job cannot start: its role, or a bucket without rules."""
    role, bucket = str(request["RoleArn"]), _bucket(request)
    record = touch("ministack.services.iam:_roles").get(role.rpartition("/")[2])
    if SERVICE not in str((record or {}).get("AssumeRolePolicyDocument", "")):
        return "AccessDenied", f"{SERVICE} is not allowed to assume {role}"
    if not touch(f"{_S3}:_bucket_replication").get(bucket):
        return "InvalidRequest", f"The source bucket {bucket} has no replication configuration"
    for action in ("GetReplicationConfiguration", "PutInventoryConfiguration"):
        if not _may(role, action, f"arn:aws:s3:::{bucket}"):
            return "AccessDenied", f"{role} is not allowed to perform: s3:{action} on arn:aws:s3:::{bucket}"
    return None


def _may(role: str, action: str, arn: str) -> bool:
    if not policies.is_enforced():
        return True
    with policies.acting_as(role):
        return policies.is_allowed(f"s3:{action}", arn)


# -- which versions


def _find_versions(replication: Replication, request: Request) -> Iterator[Original]:
    bucket = _bucket(request)
    _list_unversioned(bucket)
    criteria: Request = request["ManifestGenerator"]["S3JobManifestGenerator"].get("Filter") or {}
    for (name, key), versions in list(touch(f"{_S3}:_object_versions").items()):
        for version in versions if name == bucket else ():
            if not _matches(criteria, version):
                continue
            data = touch(f"{_S3}:_get_object_data")(bucket, key, version["version_id"]) or b""
            original = with_tags(Original(bucket, key, version, data))
            targets, is_missing = find_targets(replication, original)
            if targets or is_missing:
                yield original


def _list_unversioned(bucket: str) -> None:
    """Have what was written before the bucket had versions among them, by the id `null`, as S3 lists it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
    """
    if touch(f"{_S3}:_bucket_versioning").get(bucket) != "Enabled":
        return
    listed = touch(f"{_S3}:_object_versions")
    for key, stored in touch(f"{_S3}:_buckets")[bucket]["objects"].items():
        if not stored.get("version_id") and not listed.get((bucket, key)):
            data = touch(f"{_S3}:_get_object_data")(bucket, key)
            version = touch(f"{_S3}:_version_entry_from_record")(stored, "null", data)
            listed[bucket, key] = [{**version, "is_latest": True}]


def _matches(criteria: Request, version: Mapping[str, Any]) -> bool:
    statuses = criteria.get("ObjectReplicationStatuses")
    status = version.get("replication_status") or "NONE"
    if (statuses and status not in statuses) or status == "PENDING":
        return False
    if not statuses and status == "REPLICA" and criteria.get("EligibleForReplication"):
        return False
    written = version["last_modified"][:19]
    return bool(criteria.get("CreatedAfter", "")[:19] <= written <= (criteria.get("CreatedBefore", "")[:19] or "9"))
