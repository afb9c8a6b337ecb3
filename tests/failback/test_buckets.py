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


class BucketRig(Buckets):
    """The buckets of a backfill, compared."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events: list[FailbackProgress] = []

    def lay(self, bucket: Any, *versions: Version) -> None:
        """Have these versions there, the newest first."""
        self.world.buckets[bucket.name].versions = list(versions)

    def compare(self, patience_s: float = 10.0) -> BucketComparison:
        comparison, _ = run_virtual(
            lambda: compare_buckets(
                self.clients, PAIR, patience_s=patience_s, now=self.world.datetime, emit=self.events.append
            )
        )
        return comparison

    def differences(self) -> dict[str, ObjectDifference]:
        differences = [event for event in self.events if isinstance(event, ObjectDifference)]
        assert len({difference.name for difference in differences}) == len(differences), "told twice"
        return {difference.name: difference for difference in differences}


@pytest.fixture
def rig() -> BucketRig:
    return BucketRig()


def version(key: str, name: str, at: datetime, *, marker: bool = False) -> Version:
    return Version(key, name, at, b"" if marker else b"x", marker=marker)


KEYS = st.dictionaries(
    st.sampled_from(["a", "a/b", "ab", "b", "é", "😀", "\ufb00"]),
    st.tuples(
        *[st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=3, unique_by=lambda version: version[0])] * 2
    ),
    max_size=5,
)
_shared: list[BucketRig] = []


@pytest.mark.slow
@settings(deadline=None, max_examples=300 if is_thorough() else 15)
@given(keys=KEYS, age=st.sampled_from([0, 3600]))
def test_what_readers_find_is_all_that_counts(keys: dict[str, tuple[list[tuple[int, bool]], ...]], age: int) -> None:
    _shared[:] = _shared or [BucketRig()]
    (rig,) = _shared
    rig.events.clear()
    at, expected, older = rig.world.datetime() - timedelta(seconds=age), {}, {EAST: 0, WEST: 0}
    sides: dict[str, list[Version]] = {EAST: [], WEST: []}
    for key, both in keys.items():
        shown, ids = {}, {}
        for region, versions in zip((EAST, WEST), both, strict=True):
            sides[region] += [version(key, f"v{name}", at, marker=marker) for name, marker in versions]
            shown[region] = f"v{versions[0][0]}" if versions and not versions[0][1] else None
            ids[region] = [f"v{name}" for name, marker in versions if not marker]
        if shown[EAST] != shown[WEST]:
            expected[key] = (
                None if all(shown.values()) else next(region for region, version_id in shown.items() if version_id)
            )
        for region, other in ((EAST, WEST), (WEST, EAST)):
            top = both[(EAST, WEST).index(region)][:1]
            on_top = f"v{top[0][0]}" if top else ""
            older[region] += sum(version_id not in ids[other] and version_id != on_top for version_id in ids[region])
    rig.lay(HERE, *sides[EAST])
    rig.lay(THERE, *sides[WEST])
    done = rig.compare(patience_s=2.0)
    assert {key: difference.only for key, difference in rig.differences().items()} == expected
    assert (done.differing, done.older, done.moving) == (len(expected), older, 0)


def test_what_arrives_within_patience_is_not_told(rig: BucketRig) -> None:
    rig.add_rules(HERE, source=THERE)
    rig.world.replication_s = 4.0
    rig.put("late", "never", bucket=THERE)
    (never,) = (version for version in rig.world.buckets[THERE.name].versions if version.key == "never")
    rig.world.batch.unreplicable.add((THERE.name, "never"))
    done = rig.compare()
    assert (list(rig.differences()), done.only_source) == (["never"], 1)
    assert rig.differences()["never"].versions == {WEST: never.version_id}
    assert rig.differences()["never"].written.keys() == {WEST}


def test_what_is_long_there_is_not_waited_for(rig: BucketRig) -> None:
    rig.lay(THERE, version("old", "v1", rig.world.datetime() - timedelta(minutes=16)))
    before = rig.world.now
    assert rig.compare(patience_s=100).only_source == 1
    assert rig.world.now - before < 10


def test_a_deletion_that_has_not_arrived_is_told_with_its_time(rig: BucketRig) -> None:
    at = rig.world.datetime()
    rig.lay(HERE, version("a", "v1", at - timedelta(days=1)))
    rig.lay(THERE, version("a", "v2", at, marker=True), version("a", "v1", at - timedelta(days=1)))
    rig.compare(patience_s=1.0)
    difference = rig.differences()["a"]
    assert (difference.only, difference.versions) == (EAST, {EAST: "v1"})
    assert difference.written[WEST] > difference.written[EAST]


def test_an_object_that_is_overwritten_all_the_time_is_on_its_way(rig: BucketRig) -> None:
    at, here, there = rig.world.datetime(), rig.world.buckets[HERE.name], rig.world.buckets[THERE.name]

    def writes() -> Iterator[float]:
        for number in range(200):
            there.versions.insert(0, version("a", f"v{number}", at))
            here.versions.insert(0, version("a", f"v{number - 1}", at))
            yield 0.3

    rig.world.start(writes)
    done = rig.compare(patience_s=5.0)
    assert (done.differing, done.moving, rig.differences()) == (0, 1, {})


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.LOSE_ANSWER, Fault.SERVER_ERROR])
def test_bad_days_on_the_way_change_nothing_of_what_is_found(rig: BucketRig, fault: Fault) -> None:
    rig.put(*"abcdefg", bucket=THERE)
    rig.world.faults.add(fault, service="s3", probability=0.2)
    done = rig.compare(patience_s=2.0)
    assert (done.only_source, done.keys, list(rig.differences())) == (7, 7, list("abcdefg"))
