"""Buckets that replicate to each other are made without a circle: the first gets its rules once the others stand."""

import pytest

from builder.deploy import Deployment, Done, read_plan, write_plan
from builder.deploy.records import AnyStep, StepPlace, make_waits
from builder.terms import Region, StackId
from deploy.rig import ACCOUNT, Rig
from deploy.two_way import THREE, TWO, make_buckets
from fake_aws import World

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
    assert [one for one in ended if not isinstance(one, Done)] == []


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
    assert all(isinstance(one, Done) for one in rig.execute(read_plan(write_plan(plan), "plan.json")))
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
        StepPlace(one.stack, number): one
        for stack in (WEST, EUROPE, EAST)
        for number, one in enumerate(each for each in plan.change_sets if each.stack == stack)
    }
    assert make_waits(places) == {
        StepPlace(WEST, 0): (),
        StepPlace(WEST, 1): (StepPlace(WEST, 0), StepPlace(EUROPE, 1), StepPlace(EAST, 0)),
        StepPlace(EUROPE, 0): (StepPlace(WEST, 0),),
        StepPlace(EUROPE, 1): (StepPlace(EUROPE, 0), StepPlace(WEST, 0), StepPlace(EAST, 0)),
        StepPlace(EAST, 0): (StepPlace(WEST, 0), StepPlace(EUROPE, 0)),
    }
