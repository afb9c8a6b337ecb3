"""What was in a bucket before its rules is replicated by one job, whatever happens on the way."""

import random
from collections.abc import Callable

import pytest

from builder.assembly.components import Bucket, OutputOf
from builder.deploy.backfill.records import (
    Backfill,
    BackfillOptions,
    Job,
    check_roles,
    choose_statuses,
    find_sources,
    judge,
    make_request,
)
from builder.deploy.observe.objects import Gap, KeyPair, measure_gap, pairs
from builder.errors import AwsError, Stopped
from builder.terms import Arn, Region, StackId
from deploy.backfilling import BEYOND, EAST, HERE, NORTH, ROLE, THERE, WEST, Buckets, make_source, place
from fake_aws import Fault, World, run_virtual
from fake_aws.s3.records import Version


@pytest.fixture
def buckets() -> Buckets:
    """Three objects that were there before the rule."""
    made = Buckets()
    made.put("a", "b", "b")
    made.add_rules()
    return made


def gap(buckets: Buckets) -> Gap:
    return run_virtual(lambda: measure_gap(buckets.clients, HERE, THERE))


# -- what is decided ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "replicated", "statuses"),
    [
        (1, False, ("NONE", "FAILED")),
        (1, True, ("NONE", "FAILED", "COMPLETED")),
        # What went to the first destination is COMPLETED before a second one joins.
        (2, False, ("NONE", "FAILED", "COMPLETED")),
        (3, True, ("NONE", "FAILED", "COMPLETED")),
    ],
)
def test_which_objects_a_job_takes(rules: int, *, replicated: bool, statuses: tuple[str, ...]) -> None:
    assert choose_statuses(rules, BackfillOptions(replicated=replicated)) == statuses


COMPLETE = {"status": "Complete", "total": 3, "succeeded": 3}


@pytest.mark.parametrize(
    ("job", "left", "verdict", "why"),
    [
        (COMPLETE, None, "done", ""),
        (COMPLETE, 5, "done", ""),
        # Complete says only that each task was tried.
        ({**COMPLETE, "succeeded": 2, "failed": 1}, None, "failed", "1 version of 3 could not be replicated"),
        ({"status": "Complete"}, 0, "nothing to do", ""),
        ({"status": "Complete"}, None, "nothing to do", ""),
        ({"status": "Failed"}, 0, "nothing to do", ""),
        ({"status": "Failed", "reasons": ("X no role",)}, None, "failed", "ended as Failed: X no role"),
        ({"status": "Complete"}, 2, "failed", "found nothing to replicate, though the destinations lack 2 versions"),
        ({"status": "Cancelled"}, 0, "failed", "ended as Cancelled"),
        ({"status": "Failed", "total": 3, "succeeded": 1, "failed": 2}, None, "failed", "2 versions of 3"),
    ],
)
def test_how_a_job_ended(job: dict[str, object], left: int | None, verdict: str, why: str) -> None:
    ended = judge(Job(source="uploads/us-east-1", id="job", **job), left)  # type: ignore[arg-type]  # a row of the table
    assert ended.verdict == verdict
    assert ended.why.startswith(why) if why else not ended.why


def make_backfill(**changes: object) -> Backfill:
    fields: dict[str, object] = {"deployment": "tap-dev", "source": make_source(), "statuses": ("NONE", "FAILED")}
    return Backfill(**{**fields, **changes})  # type: ignore[arg-type]  # a test's keywords


def test_the_same_work_has_one_token_until_its_job_has_ended() -> None:
    first = make_request(make_backfill(), [])
    again = make_request(make_backfill(), [])
    assert first == again
    others = [
        make_request(make_backfill(), ["job-1"]),
        make_request(make_backfill(deployment="tap-prod"), []),
        make_request(make_backfill(statuses=("NONE",)), []),
        make_request(make_backfill(source=make_source(THERE, BEYOND)), []),
        make_request(make_backfill(report=True), []),
    ]
    tokens = [request["ClientRequestToken"] for request in (first, *others)]
    assert len(set(tokens)) == len(tokens)
    assert all(1 <= len(token) <= 64 for token in tokens)


def test_a_description_fits_whatever_it_names() -> None:
    many = make_source(*(place(f"bucket-{number}", WEST) for number in range(60)))
    long, other = make_backfill(source=many), make_backfill(source=many, statuses=("NONE",))
    assert len(long.description) == len(other.description) == 256
    assert long.description != other.description


KNOWN = {
    (StackId("us-east-1/uploads"), "BucketName"): "here",
    (StackId("us-west-2/uploads"), "BucketName"): "there",
    (StackId("us-east-1/uploads"), "BatchRoleArn"): ROLE,
}
NAMES = {region: OutputOf((StackId(f"{region}/uploads"), "BucketName")) for region in (EAST, WEST)}
ROLES = {EAST: OutputOf((StackId("us-east-1/uploads"), "BatchRoleArn"))}


def test_a_bucket_that_replicates_is_a_source_with_its_role() -> None:
    bucket = Bucket(names=NAMES, replication=((EAST, WEST),), batch_roles=ROLES)
    sources = find_sources({"uploads": bucket}, KNOWN, lambda of, name: place(name, _region(of)), None)
    assert sources == (make_source(),)


def test_a_role_that_is_named_is_taken_before_any_other() -> None:
    bucket, other = Bucket(names=NAMES, replication=((EAST, WEST), (WEST, EAST))), Arn(f"{ROLE}-other")
    sources = find_sources({"uploads": bucket}, KNOWN, lambda of, name: place(name, _region(of)), other)
    assert [(source.bucket, source.destinations, source.role) for source in sources] == [
        (HERE, (THERE,), other),
        (THERE, (HERE,), other),
    ]


def test_a_bucket_without_a_role_stops_and_says_how_to_get_one() -> None:
    bucket = Bucket(names=NAMES, replication=((EAST, WEST),))
    sources = find_sources({"uploads": bucket}, KNOWN, lambda of, name: place(name, _region(of)), None)
    with pytest.raises(Stopped, match="uploads in us-east-1: has no role") as refused:
        check_roles(sources)
    assert "backfill: true" in refused.value.next_step
    with pytest.raises(Stopped, match="no role"):
        assert sources[0].job_role


def _region(of: OutputOf) -> Region:
    return Region(of.output[0].partition("/")[0])


# -- two buckets side by side ------------------------------------------------------------------------------------------


def scattered(world: World, seed: int) -> None:
    """Fill both buckets at random: keys of several alphabets, versions and markers, some of them in both."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    keys = ["a", "a/b", "b", "é", "ü/x", "\U0001f600", "z z", "+", "~"]
    for _ in range(chance.randrange(1, 40)):
        version = Version(
            chance.choice(keys), world.new_uuid(), world.datetime(), b"x" * chance.randrange(5), chance.random() < 0.2
        )
        for name in chance.choice([("here",), ("there",), ("here", "there")]):
            world.buckets[name].versions.insert(0, version)


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_what_is_lacking_is_the_difference_whatever_the_pages_are(page_size: int) -> None:
    buckets = Buckets()
    buckets.world.page_size = page_size
    for seed in range(4):
        for bucket in buckets.world.buckets.values():
            bucket.versions.clear()
        scattered(buckets.world, seed)
        lacking = buckets.ids(HERE) - buckets.ids(THERE)
        counted = gap(buckets)
        assert (counted.versions, counted.lacking) == (len(buckets.ids(HERE)), len(lacking)), seed
        assert counted.keys == len({key for key, _ in lacking})
        assert counted.example == min((key for key, _ in lacking), default="")


def test_keys_come_in_order_and_each_once() -> None:
    buckets = Buckets()
    scattered(buckets.world, 7)

    async def every() -> list[KeyPair]:
        return [pair async for pair in pairs(buckets.clients, HERE, THERE)]

    seen = [pair.key for pair in run_virtual(every)]
    keys = {version.key for name in ("here", "there") for version in buckets.world.buckets[name].versions}
    assert seen == sorted(keys, key=str.encode)


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_what_was_there_before_is_replicated_with_its_version_ids(buckets: Buckets) -> None:
    assert gap(buckets).lacking == 3
    ended = buckets.run()
    assert (ended.verdict, ended.job.succeeded) == ("done", 3)
    assert buckets.ids(THERE) == buckets.ids(HERE)
    assert gap(buckets).lacking == 0
    states = list(dict.fromkeys(job.status for job in buckets.jobs))
    assert states == ["New", "Preparing", "Active", "Complete"]


def test_a_complete_job_with_failed_tasks_has_failed(buckets: Buckets) -> None:
    buckets.world.batch.unreplicable.add(("here", "a"))
    ended = buckets.run()
    assert (ended.job.status, ended.verdict) == ("Complete", "failed")
    assert ended.why == "1 version of 3 could not be replicated"
    # Put right, the same again takes what has failed, by another job.
    buckets.world.batch.unreplicable.clear()
    again = buckets.run()
    assert (again.verdict, again.job.succeeded) == ("done", 1)
    assert again.job.id != ended.job.id


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_without_tasks_is_judged_by_what_is_lacking(buckets: Buckets, *, fails: bool) -> None:
    buckets.run()
    buckets.world.quirks.jobs_without_tasks_fail = fails
    assert buckets.run().verdict == "nothing to do"
    # S3 does not replicate again what was deleted there by its version id; nor does it say so.
    there = buckets.world.buckets["there"].versions[0]
    buckets.clients.s3(WEST).delete_object(Bucket="there", Key=there.key, VersionId=there.version_id)
    ended = buckets.run()
    assert ended.verdict == "failed"
    assert ended.why.startswith("found nothing to replicate, though the destinations lack 1 version")


def test_a_region_that_joins_gets_what_was_replicated_to_the_first(buckets: Buckets) -> None:
    buckets.run()
    buckets.add_rules(THERE, BEYOND)
    both = make_source(THERE, BEYOND)
    assert buckets.run(both).verdict == "done"
    assert buckets.ids(BEYOND) == buckets.ids(HERE) == buckets.ids(THERE)
    assert len(buckets.world.buckets["there"].versions) == 3
    assert BEYOND.site.region == NORTH


def test_a_bucket_whose_rule_is_not_there_yet_stops(buckets: Buckets) -> None:
    with pytest.raises(Stopped, match="no rule that replicates to eu-north-1: beyond"):
        buckets.run(make_source(THERE, BEYOND))
    buckets.world.buckets["here"].replication = None
    with pytest.raises(Stopped, match="no rule"):
        buckets.run()
    assert not buckets.world.batch.jobs


def test_jobs_of_others_are_let_alone_and_a_second_page_is_read(buckets: Buckets) -> None:
    first = buckets.run()
    for number in range(5):
        _create_another(buckets, f"somebody's {number}")
    buckets.world.settle()
    assert buckets.run().job.id != first.job.id
    ours = [
        job for job in buckets.world.batch.jobs.values() if job.request["Description"].startswith("backfill tap-dev")
    ]
    # The second one's token follows from the first's id, which is on the third page.
    assert len({job.request["ClientRequestToken"] for job in ours}) == 2


def _create_another(buckets: Buckets, description: str) -> None:
    request = make_request(make_backfill(), [description])
    buckets.clients.service("s3control", EAST).create_job(**{**request, "Description": description})


FAULTS: dict[str, Callable[[Buckets], object]] = {
    "throttled": lambda buckets: buckets.world.faults.add(Fault.THROTTLE, service="s3control", probability=0.5),
    "answer lost": lambda buckets: buckets.world.faults.add(Fault.LOSE_ANSWER, operation="CreateJob", nth=1),
    "read timeout": lambda buckets: buckets.world.faults.add(Fault.READ_TIMEOUT, operation="CreateJob", nth=1),
    "unavailable": lambda buckets: buckets.world.faults.add(Fault.UNAVAILABLE, service="s3control", probability=0.3),
    "not known yet": lambda buckets: setattr(buckets.world.batch, "lag_s", 15.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_job_is_made_on_a_bad_day_too(buckets: Buckets, fault: str) -> None:
    FAULTS[fault](buckets)
    assert buckets.run().verdict == "done"
    assert len(buckets.world.batch.jobs) == 1


def test_a_job_that_a_killed_run_began_is_the_same_though_no_list_shows_it_yet(buckets: Buckets) -> None:
    buckets.world.batch.lag_s = 30
    request = make_request(buckets.plan(), [])
    job_id = buckets.clients.service("s3control", EAST).create_job(**request)["JobId"]
    assert buckets.run().job.id == job_id
    assert len(buckets.world.batch.jobs) == 1


def test_a_job_that_stays_unknown_ends_it(buckets: Buckets) -> None:
    buckets.world.batch.lag_s = 1000
    with pytest.raises(AwsError, match="NotFoundException"):
        buckets.run()
