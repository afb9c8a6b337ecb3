"""What the fake answers as S3 Control: jobs of S3 Batch Replication, of a manifest that S3 makes.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.s3.records import Bucket, Version
from fake_aws.s3.store import copy_to, destinations
from fake_aws.s3control.records import Job

if TYPE_CHECKING:
    from fake_aws.world import World


def create_job(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateJob; the same again by its token is the same job."""
    _check_account(request, params)
    if set(params["Operation"]) != {"S3ReplicateObject"} or params.get("ConfirmationRequired", True):
        raise Unsupported("a job that replicates nothing, or waits for a confirmation")
    generator = params["ManifestGenerator"]["S3JobManifestGenerator"]
    name = generator["SourceBucket"].rpartition(":")[2]
    for job in request.world.batch.jobs.values():
        if (job.account, job.region, job.request["ClientRequestToken"]) == (
            request.account,
            request.region,
            params["ClientRequestToken"],
        ):
            if job.request != params:
                raise AwsRefusal("IdempotencyException", "The token is that of another job", status=400)
            return {"JobId": job.id}
    bucket = request.world.buckets.get(name)
    if bucket is None or bucket.region != request.region:
        raise AwsRefusal("BadRequestException", f"The bucket {name} is not in this region", status=400)
    job = Job(request.world.new_uuid(), request.account, request.region, request.world.datetime(), params)
    request.world.batch.jobs[job.id] = job
    request.world.start(lambda: _run(request.world, job, bucket))
    return {"JobId": job.id}


def _run(world: "World", job: Job, bucket: Bucket) -> Iterator[float]:
    """Go through a job's states; its tasks are the versions that are there once it lists them."""
    yield world.batch.step_s
    job.status = "Preparing"
    yield world.batch.step_s
    if not (bucket.replication or {}).get("Rules"):
        job.status = "Failed"
        job.reasons.append({"FailureCode": "ReplicationNotConfigured", "FailureReason": "No replication configuration"})
        return
    statuses = job.request["ManifestGenerator"]["S3JobManifestGenerator"]["Filter"]["ObjectReplicationStatuses"]
    tasks = [each for each in bucket.versions if _status(each) in statuses and destinations(bucket, each)]
    job.total, job.status = len(tasks), "Active"
    for version in tasks:
        yield world.batch.step_s
        replicated = copy_to(world, bucket, destinations(bucket, version), version, late=True)
        job.succeeded, job.failed = job.succeeded + replicated, job.failed + (not replicated)
    yield world.batch.step_s
    job.status = "Complete"
    if not tasks and world.quirks.jobs_without_tasks_fail:
        job.status = "Failed"
        job.reasons.append({"FailureCode": "ManifestEmpty", "FailureReason": "No objects matched the filter"})


def _status(version: Version) -> str:
    return version.replication_status or "NONE"


def describe_job(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeJob."""
    _check_account(request, params)
    job = request.world.batch.jobs.get(params["JobId"])
    if job is None or (job.account, job.region) != (request.account, request.region) or not _is_known(request, job):
        raise AwsRefusal("NotFoundException", "The job does not exist", status=404)
    return {
        "Job": {
            "JobId": job.id,
            "Status": job.status,
            "Description": job.request.get("Description"),
            "CreationTime": job.created,
            "ProgressSummary": job.progress,
            "FailureReasons": job.reasons,
        }
    }


def list_jobs(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListJobs: of the account in the region, the newest first."""
    _check_account(request, params)
    own = [
        job
        for job in reversed(request.world.batch.jobs.values())
        if (job.account, job.region) == (request.account, request.region) and _is_known(request, job)
    ]
    start = int(params.get("NextToken", "0"))
    end = start + request.world.page_size
    return {
        "NextToken": str(end) if end < len(own) else None,
        "Jobs": [
            {
                "JobId": job.id,
                "Description": job.request.get("Description"),
                "Operation": "S3ReplicateObject",
                "Status": job.status,
                "CreationTime": job.created,
                "ProgressSummary": job.progress,
            }
            for job in own[start:end]
        ],
    }


def _is_known(request: Request, job: Job) -> bool:
    return request.world.datetime() - job.created >= timedelta(seconds=request.world.batch.lag_s)


def _check_account(request: Request, params: dict[str, Any]) -> None:
    if params["AccountId"] != request.account:
        raise AwsRefusal("AccessDenied", "Access Denied", status=403)


OPERATIONS: dict[str, Operation] = {
    "CreateJob": mutates(
        create_job,
        *("AccountId", "ConfirmationRequired", "Operation", "Report", "ClientRequestToken", "Description", "Priority"),
        *("RoleArn", "ManifestGenerator"),
    ),
    "DescribeJob": reads(describe_job, "AccountId", "JobId"),
    "ListJobs": reads(list_jobs, "AccountId", "NextToken"),
}
