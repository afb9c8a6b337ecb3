"""Two buckets of a component compared by their versions: what readers do not find alike is told, each key once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.failback.buckets import BucketPair, compare_buckets
from builder.failback.records import BucketComparison, FailbackProgress, ObjectDifference
from deploy.backfilling import EAST, HERE, THERE, WEST, Buckets
from fake_aws import Fault, run_virtual
from fake_aws.s3.records import Version
from samples import is_thorough

PAIR = BucketPair(component="uploads", source=THERE, target=HERE, comes_over=True)
"""Clients are in the west, and would go to the east."""


class Scene(Buckets):
    """The buckets of a backfill, compared."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.said: list[FailbackProgress] = []

    def lay(self, bucket: Any, *versions: Version) -> None:
        """Have these versions there, the newest first."""
        self.world.buckets[bucket.name].versions = list(versions)

    def compare(self, patience_s: float = 10.0) -> BucketComparison:
        found, _ = run_virtual(
            lambda: compare_buckets(
                self.clients, PAIR, patience_s=patience_s, now=self.world.datetime, emit=self.said.append
            )
        )
        return found

    def told(self) -> dict[str, ObjectDifference]:
        told = [event for event in self.said if isinstance(event, ObjectDifference)]
        assert len({one.name for one in told}) == len(told), "told twice"
        return {one.name: one for one in told}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def version(key: str, name: str, at: datetime, *, marker: bool = False) -> Version:
    return Version(key, name, at, b"" if marker else b"x", marker=marker)


KEYS = st.dictionaries(
    st.sampled_from(["a", "a/b", "ab", "b", "é", "😀", "\ufb00"]),
    st.tuples(*[st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=3, unique_by=lambda one: one[0])] * 2),
    max_size=5,
)
_shared: list[Scene] = []


@pytest.mark.slow
@settings(deadline=None, max_examples=300 if is_thorough() else 15)
@given(keys=KEYS, age=st.sampled_from([0, 3600]))
def test_what_readers_find_is_all_that_counts(keys: dict[str, tuple[list[tuple[int, bool]], ...]], age: int) -> None:
    _shared[:] = _shared or [Scene()]
    (scene,) = _shared
    scene.said.clear()
    at, wanted, older = scene.world.datetime() - timedelta(seconds=age), {}, {EAST: 0, WEST: 0}
    sides: dict[str, list[Version]] = {EAST: [], WEST: []}
    for key, both in keys.items():
        shown, ids = {}, {}
        for region, versions in zip((EAST, WEST), both, strict=True):
            sides[region] += [version(key, f"v{name}", at, marker=marker) for name, marker in versions]
            shown[region] = f"v{versions[0][0]}" if versions and not versions[0][1] else None
            ids[region] = [f"v{name}" for name, marker in versions if not marker]
        if shown[EAST] != shown[WEST]:
            wanted[key] = None if all(shown.values()) else next(region for region, one in shown.items() if one)
        for region, other in ((EAST, WEST), (WEST, EAST)):
            top = both[(EAST, WEST).index(region)][:1]
            on_top = f"v{top[0][0]}" if top else ""
            older[region] += sum(one not in ids[other] and one != on_top for one in ids[region])
    scene.lay(HERE, *sides[EAST])
    scene.lay(THERE, *sides[WEST])
    done = scene.compare(patience_s=2.0)
    assert {key: one.only for key, one in scene.told().items()} == wanted
    assert (done.differing, done.older, done.moving) == (len(wanted), older, 0)


def test_what_arrives_within_patience_is_not_told(scene: Scene) -> None:
    scene.add_rules(HERE, source=THERE)
    scene.world.replication_s = 4.0
    scene.put("late", "never", bucket=THERE)
    (never,) = (one for one in scene.world.buckets[THERE.name].versions if one.key == "never")
    scene.world.batch.unreplicable.add((THERE.name, "never"))
    done = scene.compare()
    assert (list(scene.told()), done.only_source) == (["never"], 1)
    assert scene.told()["never"].versions == {WEST: never.version_id}
    assert scene.told()["never"].written.keys() == {WEST}


def test_what_is_long_there_is_not_waited_for(scene: Scene) -> None:
    scene.lay(THERE, version("old", "v1", scene.world.datetime() - timedelta(minutes=16)))
    before = scene.world.now
    assert scene.compare(patience_s=100).only_source == 1
    assert scene.world.now - before < 10


def test_a_deletion_that_has_not_arrived_is_told_with_its_time(scene: Scene) -> None:
    at = scene.world.datetime()
    scene.lay(HERE, version("a", "v1", at - timedelta(days=1)))
    scene.lay(THERE, version("a", "v2", at, marker=True), version("a", "v1", at - timedelta(days=1)))
    scene.compare(patience_s=1.0)
    told = scene.told()["a"]
    assert (told.only, told.versions) == (EAST, {EAST: "v1"})
    assert told.written[WEST] > told.written[EAST]


def test_an_object_that_is_overwritten_all_the_time_is_on_its_way(scene: Scene) -> None:
    at, here, there = scene.world.datetime(), scene.world.buckets[HERE.name], scene.world.buckets[THERE.name]

    def writes() -> Iterator[float]:
        for number in range(200):
            there.versions.insert(0, version("a", f"v{number}", at))
            here.versions.insert(0, version("a", f"v{number - 1}", at))
            yield 0.3

    scene.world.start(writes)
    done = scene.compare(patience_s=5.0)
    assert (done.differing, done.moving, scene.told()) == (0, 1, {})


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.LOSE_ANSWER, Fault.SERVER_ERROR])
def test_bad_days_on_the_way_change_nothing_of_what_is_found(scene: Scene, fault: Fault) -> None:
    scene.put(*"abcdefg", bucket=THERE)
    scene.world.faults.add(fault, service="s3", probability=0.2)
    done = scene.compare(patience_s=2.0)
    assert (done.only_source, done.keys, list(scene.told())) == (7, 7, list("abcdefg"))
