import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from builder.aws import Clients
from builder.terms import Region
from local.account import PRIMARY, SECONDARY, Account, deploy, update
from local.adapter.control import paced
from local.adapter.templates import bucket, names, replication

_ALL = ["NONE", "FAILED"]


@pytest.fixture
def account(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """One with a bucket that holds a key of two versions, one that is deleted, and then got a rule to another."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.endpoint)
    source, destination = names(account)
    for name, stack, region in ((destination, "destination", SECONDARY), (source, "source", PRIMARY)):
        deploy(account, stack, bucket(name), region=region)
    s3 = account.s3()
    for key, body in (("k", b"old"), ("k", b"new"), ("gone", b"x")):
        s3.put_object(Bucket=source, Key=key, Body=body, Tagging="team=red")
    s3.delete_object(Bucket=source, Key="gone")
    rules = bucket(source, ReplicationConfiguration=replication(destination))
    assert update(account, "source", rules).status == "UPDATE_COMPLETE"
    _role(account, "job", "batchoperations.s3.amazonaws.com")
    return account


def _role(account: Account, name: str, service: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)


def _control(account: Account, region: str = PRIMARY) -> Any:
    """A client as the deployer's: its endpoint is an address, before which no account can stand."""
    session = boto3.Session(aws_access_key_id=account.id, aws_secret_access_key="any")
    return Clients(session).service("s3control", Region(region))


def _request(account: Account, token: str = "1", statuses: list[str] | None = None, **given: Any) -> dict[str, Any]:
    generator = {
        "SourceBucket": f"arn:aws:s3:::{names(account)[0]}",
        "EnableManifestOutput": False,
        "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": statuses or _ALL},
    }
    defaults = {
        "AccountId": account.id,
        "Operation": {"S3ReplicateObject": {}},
        "Report": {"Enabled": False},
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{account.id}:role/job",
        "Description": "backfill",
        "ConfirmationRequired": False,
        "ClientRequestToken": token,
        "ManifestGenerator": {"S3JobManifestGenerator": generator},
    }
    return {**defaults, **given}


def _run(account: Account, **given: Any) -> Any:
    client = _control(account)
    number = client.create_job(**_request(account, **given))["JobId"]
    return client.describe_job(AccountId=account.id, JobId=number)["Job"]


def _tasks(job: Any) -> tuple[int, int, int]:
    progress = job["ProgressSummary"]
    return progress["TotalNumberOfTasks"], progress["NumberOfTasksSucceeded"], progress["NumberOfTasksFailed"]


def _versions(account: Account, place: int) -> list[tuple[str, str, bool]]:
    region, name = (PRIMARY, SECONDARY)[place], names(account)[place]
    answer = account.s3(region).list_object_versions(Bucket=name)
    listed = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    return sorted((version["Key"], version["VersionId"], version["IsLatest"]) for version in listed)


def test_a_job_replicates_every_version_and_marker_that_was_there(account: Account) -> None:
    job = _run(account)
    assert (job["Status"], _tasks(job), job["JobArn"].split(":")[:5]) == (
        "Complete",
        (4, 4, 0),
        ["arn", "aws", "s3", PRIMARY, account.id],
    )
    assert _versions(account, 0) == _versions(account, 1)
    replica = account.s3(SECONDARY).get_object(Bucket=names(account)[1], Key="k")
    assert (replica["Body"].read(), replica["ReplicationStatus"], replica["TagCount"]) == (b"new", "REPLICA", 1)
    assert account.s3().head_object(Bucket=names(account)[0], Key="k")["ReplicationStatus"] == "COMPLETED"
    # Nothing is left to do, which is not the same as success.
    again = _run(account, token="2")
    assert (again["Status"], again["FailureReasons"][0]["FailureReason"]) == (
        "Failed",
        "Manifest generation found no keys matching the filter criteria.",
    )


def test_a_job_replicates_what_was_there_before_there_were_versions(account: Account) -> None:
    source, destination = "older", names(account)[1]
    s3 = account.s3()
    s3.create_bucket(Bucket=source)
    s3.put_object(Bucket=source, Key="k", Body=b"first", Tagging="team=red")
    s3.put_object(Bucket=source, Key="k2", Body=b"only")
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=source, Key="k", Body=b"second")
    rules: Any = {"Role": f"arn:aws:iam::{account.id}:role/any", "Rules": [_rule(destination)]}
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=rules)
    generator = {
        **_request(account)["ManifestGenerator"]["S3JobManifestGenerator"],
        "SourceBucket": f"arn:aws:s3:::{source}",
    }
    job = _run(account, ManifestGenerator={"S3JobManifestGenerator": generator})
    assert (job["Status"], job["ProgressSummary"]["NumberOfTasksSucceeded"]) == ("Complete", 3)

    def versions(bucket: str, region: str) -> list[tuple[str, str, bool]]:
        listed = account.s3(region).list_object_versions(Bucket=bucket, Prefix="k")["Versions"]
        return [(version["Key"], version["VersionId"], version["IsLatest"]) for version in listed]

    assert versions(destination, SECONDARY) == versions(source, PRIMARY)
    assert ("k2", "null", True) in versions(source, PRIMARY)
    assert s3.get_object(Bucket=source, Key="k2")["Body"].read() == b"only"


def _rule(destination: str) -> dict[str, Any]:
    return {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
    }


def test_a_version_written_since_stays_the_current_one(account: Account) -> None:
    account.s3().put_object(Bucket=names(account)[0], Key="k", Body=b"newest")
    assert _tasks(_run(account)) == (4, 4, 0)
    assert _versions(account, 0) == _versions(account, 1)
    read = account.s3(SECONDARY).get_object(Bucket=names(account)[1], Key="k")
    assert read["Body"].read() == b"newest"


def test_a_job_is_active_until_the_last_version_has_arrived(account: Account) -> None:
    client = _control(account)
    with paced(account, "s3", paused=True):
        job = _run(account)
        assert (job["Status"], _tasks(job)) == ("Active", (4, 0, 0))
        assert "TerminationDate" not in job
    job = client.describe_job(AccountId=account.id, JobId=job["JobId"])["Job"]
    assert (job["Status"], _tasks(job)) == ("Complete", (4, 4, 0))
    (listed,) = client.list_jobs(AccountId=account.id)["Jobs"]
    assert (listed["JobId"], listed["Status"], listed["Operation"]) == (job["JobId"], "Complete", "S3ReplicateObject")
    assert client.list_jobs(AccountId=account.id, JobStatuses=["Active"])["Jobs"] == []
    assert _control(account, SECONDARY).list_jobs(AccountId=account.id)["Jobs"] == []


def test_a_job_whose_tasks_failed_is_complete_and_says_how_many(account: Account) -> None:
    account.s3(SECONDARY).delete_bucket(Bucket=names(account)[1])
    report = {
        "Enabled": True,
        "Bucket": f"arn:aws:s3:::{names(account)[0]}",
        "Prefix": "reports",
        "Format": "Report_CSV_20180820",
        "ReportScope": "FailedTasksOnly",
    }
    job = _run(account, Report=report)
    assert (job["Status"], _tasks(job)) == ("Complete", (4, 0, 4))
    assert account.s3().head_object(Bucket=names(account)[0], Key="k")["ReplicationStatus"] == "FAILED"
    key = f"reports/job-{job['JobId']}/results/report.csv"
    lines = account.s3().get_object(Bucket=names(account)[0], Key=key)["Body"].read().decode().splitlines()
    assert [line.split(",")[3] for line in lines] == ["failed"] * 4


def test_a_job_that_has_to_be_confirmed_waits_for_it(account: Account) -> None:
    client = _control(account)
    job = _run(account, ConfirmationRequired=True)
    assert (job["Status"], _versions(account, 1)) == ("Suspended", [])
    at = {"AccountId": account.id, "JobId": job["JobId"]}
    assert client.update_job_status(**at, RequestedJobStatus="Ready")["Status"] == "Complete"
    assert _versions(account, 0) == _versions(account, 1)
    with pytest.raises(ClientError, match="JobStatusException"):
        client.update_job_status(**at, RequestedJobStatus="Cancelled")
    other = _run(account, token="2", ConfirmationRequired=True)
    at["JobId"] = other["JobId"]
    assert client.update_job_status(**at, RequestedJobStatus="Cancelled")["Status"] == "Cancelled"


def test_a_token_makes_one_job(account: Account) -> None:
    client = _control(account)
    first = client.create_job(**_request(account))["JobId"]
    assert client.create_job(**_request(account))["JobId"] == first
    with pytest.raises(ClientError, match="IdempotencyException"):
        client.create_job(**_request(account, Priority=2))
    with pytest.raises(ClientError, match="NotFoundException"):
        client.describe_job(AccountId=account.id, JobId="00000000-none")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Operation": {"S3DeleteObjectTagging": {}}}, "NotImplemented"),
        ({"ManifestGenerator": {"S3JobManifestGenerator": {"SourceBucket": "arn:aws:s3:::none"}}}, "InvalidRequest"),
        ({"AccountId": "123456789012"}, "AccessDenied"),
    ],
    ids=["operation", "bucket", "account"],
)
def test_a_job_that_is_not_played_or_not_allowed_is_refused(account: Account, given: Any, code: str) -> None:
    for generator in given.get("ManifestGenerator", {}).values():
        generator["EnableManifestOutput"] = False
    with pytest.raises(ClientError, match=code):
        _run(account, **given)


def test_a_job_fails_without_a_rule_and_without_a_role_of_its_own(account: Account) -> None:
    _role(account, "replication", "s3.amazonaws.com")
    wrong = _run(account, RoleArn=f"arn:aws:iam::{account.id}:role/replication")
    assert (wrong["Status"], wrong["FailureReasons"][0]["FailureCode"]) == ("Failed", "AccessDenied")
    account.s3().delete_bucket_replication(Bucket=names(account)[0])
    bare = _run(account, token="2")
    assert (bare["Status"], "no replication" in bare["FailureReasons"][0]["FailureReason"]) == ("Failed", True)
