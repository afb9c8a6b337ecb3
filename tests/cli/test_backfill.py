"""`backfill`: what was in a bucket before its rules reaches the others; on the fake AWS but for the last test."""

import json
from pathlib import Path

import boto3
import pytest

from answer import Answer, Command
from cli.on_fake import ACCOUNT, OnWorld, deployed_world
from fake_aws.s3.records import Version

pytestmark = pytest.mark.slow  # whole commands
EAST, WEST = (f"tap-dev-{ACCOUNT}-{region}-an" for region in ("us-east-1", "us-west-2"))
ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch"


@pytest.fixture
def filled(on_deployed: OnWorld) -> OnWorld:
    """Three versions that no rule was for."""
    bucket = on_deployed.world.buckets[EAST]
    bucket.versions += [
        Version(key, on_deployed.world.new_uuid(), on_deployed.world.datetime(), b"x" * 2500) for key in ("a", "b", "b")
    ]
    return on_deployed


def keys(world_of: OnWorld, bucket: str) -> set[tuple[str, str]]:
    return {(version.key, version.version_id) for version in world_of.world.buckets[bucket].versions}


def test_it_counts_asks_and_fills_the_bucket(filled: OnWorld) -> None:
    assert filled("backfill", "--role-arn", ROLE).code == 4  # nobody to say yes
    answer = filled("backfill", "--role-arn", ROLE, "--yes")
    assert answer.code == 0, answer
    assert f"bucket/us-east-1  {EAST}\n" in answer.out
    assert f"  to us-west-2  {WEST}: lacks 3 of 3 versions, 7.5 kB; the first key is a\n" in answer.out
    assert answer.out.endswith("bucket/us-east-1  replicated 3 versions\n")
    assert keys(filled, WEST) == keys(filled, EAST)
    again = filled("backfill", "--role-arn", ROLE, "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing is lacking")
    assert len(filled.world.batch.jobs) == 1


def test_a_dry_run_begins_nothing(filled: OnWorld) -> None:
    answer = filled("backfill", "--role-arn", ROLE, "--dry-run")
    assert (answer.code, len(filled.world.batch.jobs)) == (0, 0)
    assert "lacks 3 of 3 versions" in answer.out
    assert filled("backfill", "--dry-run", "--no-count").code == 2


def test_without_a_role_it_stops_and_says_how_to_get_one(filled: OnWorld) -> None:
    answer = filled("backfill", "--yes")
    assert answer.code == 4
    assert "backfill: true" in answer.err


def test_versions_that_fail_fail_the_command_though_the_job_is_complete(filled: OnWorld) -> None:
    filled.world.batch.unreplicable.add((EAST, "a"))
    answer = filled("backfill", "--role-arn", ROLE, "--yes", "--json")
    assert answer.code == 1
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert [event["event"] for event in events][:2] == ["backfill.counted", "backfill.progress"]
    assert events[0]["gaps"]["us-west-2"]["lacking"] == 3
    assert events[-1]["event"] == "backfill.ended"
    (ended,) = events[-1]["jobs"]
    assert (ended["job"]["status"], ended["verdict"]) == ("Complete", "failed")
    assert "1 version of 3 could not be replicated" in answer.err


def test_ctrl_c_leaves_the_jobs_and_the_same_again_watches_them(filled: OnWorld) -> None:
    filled.interrupted = True
    answer = filled("backfill", "--role-arn", ROLE, "--yes")
    assert answer.code == 130
    assert "the jobs go on in S3" in answer.err
    filled.interrupted = False
    assert filled("backfill", "--role-arn", ROLE, "--yes").code == 0
    assert len(filled.world.batch.jobs) == 1


def test_a_component_that_is_none_is_refused(filled: OnWorld) -> None:
    answer = filled("backfill", "--component", "buckt")
    assert answer.code == 2
    assert "did you mean bucket?" in answer.err


def test_delete_markers_wait_until_no_rule_takes_them_away(filled: OnWorld) -> None:
    bucket = filled.world.buckets[EAST]
    bucket.versions.insert(0, Version("a", filled.world.new_uuid(), filled.world.datetime(), b"", marker=True))
    answer = filled("backfill", "--role-arn", ROLE, "--yes")
    assert answer.code == 4
    assert f"us-west-2: {WEST}: expire-noncurrent-versions" in answer.err
    assert "pause_lifecycle: true" in answer.err
    assert not filled.world.batch.jobs
    assert filled("backfill", "--role-arn", ROLE, "--yes", "--with-lifecycle").code == 0
    assert keys(filled, WEST) == keys(filled, EAST)


def test_a_plan_that_gives_a_bucket_rules_says_what_they_leave_out(project: Path, command: OnWorld) -> None:
    command.world = deployed_world()
    file = project / "dr.yaml"
    file.write_text(file.read_text().replace("secondaries: [us-west-2]", "secondaries: [us-west-2, eu-west-1]"))
    command.before = ("--config", str(file), "--env", "dev")
    assert command("render").code == 0
    answer = command("deploy", "--yes")
    assert answer.code == 0, answer
    assert "new rules do not replicate what is there already: us-east-1/storage/Bucket" in answer.out
    assert "us-east-1/storage/Bucket: afterwards: python -m builder backfill" in answer.err


BUCKETS = """project: shop
environment: synthmfb1
regions: {primary: us-east-1, secondaries: [us-west-2]}
buckets: {uploads: {%s}}
"""


def test_rules_are_switched_on_and_off_again_with_data_on_the_embedded_aws(
    project: Path, builder: Command, session: boto3.Session
) -> None:
    def deploy(options: str) -> Answer:
        (project / "dr.yaml").write_text(BUCKETS % options)
        assert builder("render").code == 0
        answer = builder("deploy", "--yes")
        assert answer.code == 0, answer
        return answer

    def held(region: str) -> set[tuple[str, str]]:
        name = builder("outputs", f"uploads.{region}.bucket").out.strip()
        listed = session.client("s3", region).list_object_versions(Bucket=name)
        return {(version["Key"], version["VersionId"]) for version in listed.get("Versions", [])}

    deploy("replication: none")
    east = builder("outputs", "uploads.us-east-1.bucket").out.strip()
    for key in ("a", "b", "a"):
        session.client("s3", "us-east-1").put_object(Bucket=east, Key=key, Body=b"x")
    assert "afterwards: python -m builder backfill" in deploy("replication: two-way, backfill: true").err
    assert held("us-west-2") == set()
    answer = builder("backfill", "--yes")
    assert answer.code == 0, answer
    assert answer.out.endswith("uploads/us-east-1  replicated 3 versions\n")
    before = held("us-east-1")
    assert held("us-west-2") == before
    deploy("replication: one-way, pause_lifecycle: true")
    deploy("replication: none")
    assert held("us-east-1") == held("us-west-2") == before
    assert builder("destroy", "--yes").code == 0
