"""Buckets that replicate to each other are made without a circle: the first gets its rules once the others stand."""

from typing import TYPE_CHECKING

import pytest

from builder.deploy import Deployment, Done, read_plan, write_plan
from builder.deploy.backfill.jobs import plan_backfill, run_backfill
from builder.deploy.backfill.records import BackfillOptions, ReplicationSource
from builder.deploy.observe.objects import BucketPlace
from builder.deploy.step_order import StepPlace, make_waits
from builder.errors import Stopped
from builder.terms import AccountId, Region, Site, StackId
from deploy.backfilling import ROLE
from deploy.rig import ACCOUNT, Rig
from deploy.two_way import THREE, TWO, make_buckets
from fake_aws import World
from fake_aws.s3.records import Version

if TYPE_CHECKING:
    from builder.deploy.records import AnyStep

pytestmark = pytest.mark.slow  # deployments
EAST, WEST, EUROPE = (StackId(f"{region}/uploads") for region in THREE)


def name(region: str) -> str:
    return f"tap-dev-uploads-{ACCOUNT}-{region}-an"


def rules(rig: Rig) -> dict[str, list[str]]:
    """Where each bucket replicates to, by region."""
    return {
        region: [
            rule["Destination"]["Bucket"].rpartition(":")[2]
            for rule in (rig.world.buckets[name(region)].replication or {}).get("Rules", [])
        ]
        for region in THREE
        if name(region) in rig.world.buckets
    }


def deployed(deployment: Deployment) -> Rig:
    rig = Rig(World(page_size=20))
    rig.deployment = deployment
    done(rig)
    return rig


def done(rig: Rig) -> None:
    plan = rig.plan()
    ended = rig.execute(plan, {hit.allow for hit in plan.guards})
    assert [outcome for outcome in ended if not isinstance(outcome, Done)] == []


@pytest.mark.parametrize("regions", [TWO, THREE])
def test_every_pair_replicates_both_ways_after_one_plan(regions: tuple[str, ...]) -> None:
    rig = deployed(make_buckets(regions=regions))
    assert {region: sorted(to) for region, to in rules(rig).items()} == {
        region: sorted(name(other) for other in regions if other != region) for region in regions
    }
    assert rig.plan().is_empty
    rig.clients.s3(Region("us-west-2")).put_object(Bucket=name("us-west-2"), Key="a", Body=b"x")
    rig.world.settle()
    assert [len(rig.world.buckets[name(region)].versions) for region in regions] == [1] * len(regions)


def test_a_plan_from_a_file_is_held_to_the_assembly_and_executed_all_the_same() -> None:
    rig = Rig(World(page_size=20), deployment=make_buckets())
    plan = rig.plan()
    assert [(step.stack, step.type) for step in plan.steps] == [(WEST, "CREATE"), (EAST, "CREATE")]
    assert [(step.stack, step.part, step.needs) for step in plan.deferred] == [(WEST, 2, (EAST,))]
    assert all(isinstance(outcome, Done) for outcome in rig.execute(read_plan(write_plan(plan), "plan.json")))
    assert rules(rig) == {"us-east-1": [name("us-west-2")], "us-west-2": [name("us-east-1")]}


def test_a_region_that_joins_is_made_first_and_no_rule_is_taken_away_for_it() -> None:
    rig = deployed(make_buckets())
    rig.deployment = make_buckets(regions=THREE)
    rig.events.clear()
    done(rig)
    assert {region: len(to) for region, to in rules(rig).items()} == dict.fromkeys(THREE, 2)
    assert rig.plan().is_empty


def test_one_way_becomes_two_way_and_one_way_again() -> None:
    rig = deployed(make_buckets("one-way"))
    one_way = rules(rig)
    assert one_way == {"us-east-1": [name("us-west-2")], "us-west-2": []}
    rig.deployment = make_buckets()
    done(rig)
    assert rules(rig) == {"us-east-1": [name("us-west-2")], "us-west-2": [name("us-east-1")]}
    rig.deployment = make_buckets("one-way")
    done(rig)
    assert rules(rig) == one_way


def test_without_replication_no_bucket_has_a_rule_and_none_waits() -> None:
    deployment = make_buckets("none", THREE)
    assert {stack.needs for stack in deployment.stacks} == {()}
    assert rules(deployed(deployment)) == {region: [] for region in THREE}


def test_the_completion_of_a_failed_creation_is_made_with_it_anew() -> None:
    rig = Rig(World(page_size=20), deployment=make_buckets())
    rig.world.script.fails("CREATE", "Bucket", reason="Limit exceeded", region="us-east-1")
    rig.deploy()
    assert rules(rig) == {"us-west-2": []}
    done(rig)
    assert rules(rig) == {"us-east-1": [name("us-west-2")], "us-west-2": [name("us-east-1")]}


# -- the order ---------------------------------------------------------------------------------------------------------


def test_what_completes_a_stack_waits_for_those_that_wait_for_its_beginning() -> None:
    plan = Rig(World(page_size=20), deployment=make_buckets(regions=THREE)).plan()
    places: dict[StepPlace, AnyStep | None] = {
        StepPlace(step.stack, number): step
        for stack in (WEST, EUROPE, EAST)
        for number, step in enumerate(each for each in plan.change_sets if each.stack == stack)
    }
    assert make_waits(places) == {
        StepPlace(WEST, 0): (),
        StepPlace(WEST, 1): (StepPlace(WEST, 0), StepPlace(EUROPE, 1), StepPlace(EAST, 0)),
        StepPlace(EUROPE, 0): (StepPlace(WEST, 0),),
        StepPlace(EUROPE, 1): (StepPlace(EUROPE, 0), StepPlace(WEST, 0), StepPlace(EAST, 0)),
        StepPlace(EAST, 0): (StepPlace(WEST, 0), StepPlace(EUROPE, 0)),
    }


# -- a pair that stands ------------------------------------------------------------------------------------------------


def put(rig: Rig, region: str, key: str) -> None:
    rig.clients.s3(Region(region)).put_object(Bucket=name(region), Key=key, Body=b"x")


def contested(rig: Rig) -> Rig:
    """One way so far: keys with versions of their own on both sides, one deleted there, and others."""
    put(rig, "us-east-1", "both")
    put(rig, "us-east-1", "deleted")
    put(rig, "us-east-1", "here")
    rig.world.settle()
    put(rig, "us-west-2", "both")
    put(rig, "us-west-2", "there")
    rig.clients.s3(Region("us-west-2")).delete_object(Bucket=name("us-west-2"), Key="deleted")
    # One that has not come over: what it was before is all that the other has.
    late = rig.world.buckets[name("us-east-1")]
    late.versions.insert(0, Version("both", rig.world.new_uuid(), rig.world.datetime(), b"y"))
    return rig


@pytest.fixture(scope="module")
def one_way() -> World:
    return contested(deployed(make_buckets("one-way"))).world


def again(world: World, deployment: Deployment) -> Rig:
    rig = Rig(world.copied(), deployment=deployment, plans=5)
    rig.world.page_size = 2
    return rig


def test_keys_that_both_sides_have_versions_of_stop_it_until_they_are_allowed(one_way: World) -> None:
    rig = again(one_way, make_buckets())
    plan = rig.plan()
    (hit,) = plan.guards
    assert hit.allow == "us-west-2/uploads/BothWays"
    assert hit.why.startswith("1 key with versions of their own in us-west-2 and in us-east-1 and 1 key deleted in one")
    assert hit.why.endswith("the first: both, deleted")
    with pytest.raises(Stopped):
        rig.execute(plan)
    assert rules(rig)["us-west-2"] == []
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, [hit.allow]))
    assert rules(rig)["us-west-2"] == [name("us-east-1")]
    # By then they do: nothing is compared any more.
    rig.world.calls.clear()
    assert rig.plan(make_buckets(expire_noncurrent_days=5)).guards == ()
    assert rig.operations("ListObjectVersions") == 0


def test_what_came_to_be_contested_after_the_plan_stops_it_too(one_way: World) -> None:
    rig = again(one_way, make_buckets())
    for bucket in rig.world.buckets.values():
        bucket.versions.clear()
    plan = rig.plan()
    assert plan.guards == ()
    contested(rig)
    with pytest.raises(Stopped, match="BothWays"):
        rig.execute(read_plan(write_plan(plan), "plan.json"))


def test_a_backfill_after_it_brings_both_sides_together(one_way: World) -> None:
    rig = again(one_way, make_buckets())
    done(rig)
    east, west = (
        BucketPlace(site=Site(None, Region(region)), name=name(region), owner=AccountId(ACCOUNT)) for region in TWO
    )
    for here, there in ((east, west), (west, east)):
        source = ReplicationSource(component="uploads", bucket=here, destinations=(there,), role=ROLE)
        backfill = rig.run(lambda source=source: plan_backfill(rig.clients, "tap-dev", source, BackfillOptions()))  # type: ignore[misc]  # bound now
        ended = rig.run(lambda job=backfill: run_backfill(rig.clients, job, lambda _: None))  # type: ignore[misc]  # likewise
        assert ended.verdict == "done"
    versions = [
        {(version.key, version.version_id) for version in rig.world.buckets[place.name].versions}
        for place in (east, west)
    ]
    assert versions[0] == versions[1]
    assert len(versions[0]) == 7
