"""Every option switched on and off again on a live deployment with data: nothing is lost, or it is refused before.

On the fake, from what stands to each other value of a key and back. A change is done, and then every table, bucket and
key is the one that it was, with what is in it; or it is stopped, in words, before any stack was touched.
"""

import functools

import pytest

from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.deploy import Deployment, Done, make_deployment
from builder.errors import BadInput, Stopped
from builder.terms import Region
from components.combinations import FACTORS, OWN_KEY, loaded_of
from components.pairwise import Row
from deploy.rig import ACCOUNT, Rig
from samples import sampled

SUFFIX = "prod"
BASE: Row = {key: values[0] for key, values in FACTORS.items()} | {
    "table": {},
    "bucket": {},
    "function": {},
    "environments.prod.production": False,
}
CHANGES = [
    (key, number)
    for key, values in FACTORS.items()
    for number, value in enumerate(values)
    if key != "regions" and value != BASE[key]  # other regions make another system
]
SOME = sampled(CHANGES, every=9)
STOPPED = {
    "functions.api.url-1": "with it goes the address that clients know",
    "tables.orders.key-1": "may be replaced: with the old one goes every item, in every region",
    "tables.orders.key-2": "may be replaced: with the old one goes every item, in every region",
    **dict.fromkeys(
        ("tables.orders.existing-1", "tables.orders.existing-2"), "replaced by a new one without every item"
    ),
    **dict.fromkeys(("buckets.uploads.existing-1", "buckets.uploads.existing-2"), "by a new one without every object"),
    "tables.orders.stream-1": "its stream shows NEW_AND_OLD_IMAGES and cannot become KEYS_ONLY",
}
"""What is refused on the way there, and a part of the words."""
STOPPED_BACK = {"protect-1": "loses its DeletionPolicy RetainExceptOnCreate"}
"""And on the way back."""


def deployment_of(row: Row) -> Deployment:
    assembly = make_assembly(loaded_of(row))
    return make_deployment(assembly.manifest, assembly.templates, SUFFIX)


@functools.cache
def _deployed() -> Rig:
    rig = Rig(deployment=deployment_of(BASE))
    rig.world.names.update(("AWS::KMS::Alias", ACCOUNT, region, OWN_KEY) for region in ("us-east-1", "us-west-2"))
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())
    return rig


@pytest.fixture
def live() -> Rig:
    """Have the base stand with an object in every bucket: it is deployed once, and its world copied."""
    before = _deployed()
    rig = Rig(world=before.world.copied(), deployment=before.deployment, plans=before.plans)
    rig.planned = dict(before.planned)
    rig.clients = Clients(rig.world.session(ACCOUNT))
    for name, bucket in sorted(rig.world.buckets.items()):
        rig.clients.s3(Region(bucket.region)).put_object(Bucket=name, Key="kept", Body=b"kept")
    return rig


def data(rig: Rig) -> set[tuple[object, ...]]:
    """Return what must be there still: tables by their birth and regions, buckets by theirs, each version in them."""
    world = rig.world
    return {
        *((key, table.created, *sorted(table.replicas)) for key, table in world.tables.items()),
        *((name, bucket.created) for name, bucket in world.buckets.items()),
        *((name, each.version_id) for name, bucket in world.buckets.items() for each in bucket.versions),
    }


def switch(rig: Rig, row: Row) -> str:
    """Bring a live deployment to another row; return `done`, or the words it was stopped with."""
    before = dict(rig.statuses())
    try:
        outcomes = rig.execute(rig.plan(deployment_of(row)))
    except (Stopped, BadInput) as error:
        assert dict(rig.statuses()) == before
        return str(error)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Done)] == []
    rig.deployment = deployment_of(row)
    return "done"


@pytest.mark.slow
@pytest.mark.parametrize(("key", "number"), SOME, ids=[f"{key}-{number}" for key, number in SOME])
def test_nothing_is_lost_there_and_back(live: Rig, key: str, number: int) -> None:
    change = f"{key}-{number}"
    before = data(live)

    there = switch(live, {**BASE, key: FACTORS[key][number]})
    assert STOPPED.get(change, "done") in there
    assert before - data(live) == set()
    if there == "done":
        back = switch(live, BASE)
        assert STOPPED_BACK.get(change, "done") in back
        assert before - data(live) == set()
