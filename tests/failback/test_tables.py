"""What two regions of a table do not have alike is told, each key once, and nothing that is only on its way."""

import base64
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import AwsError, Failed
from builder.failback.records import ItemDifference
from failback.generated import Item, contents, keys, rewritten
from failback.naive import EAST, WEST, differences, key_of
from failback.rig import TableRig, order, orders
from fake_aws import Fault
from samples import is_thorough

MANY = settings(deadline=None, max_examples=300 if is_thorough() else 15)
HELD = st.sampled_from([(1, 1), (3, 2), (50, 50)])


@pytest.fixture
def rig() -> TableRig:
    return TableRig()


@functools.cache
def shared() -> TableRig:
    """One for all examples: botocore takes long to make clients."""
    return TableRig()


@st.composite
def tables(draw: st.DrawFn) -> tuple[tuple[tuple[str, str], ...], list[Item], list[Item]]:
    """A key, and what each region has: most of it the same, though written otherwise."""
    schema = tuple(zip(("id", "at"), draw(st.lists(st.sampled_from("SNB"), min_size=1, max_size=2)), strict=False))
    every = {}
    for _ in range(draw(st.integers(0, 9))):
        item = draw(contents) | {name: draw(keys(kind)) for name, kind in schema}
        every[key_of(tuple(name for name, _ in schema), item)] = item
    here, there, dice = [], [], draw(st.randoms())
    names = {name for name, _ in schema}
    for item in every.values():
        fate = draw(st.sampled_from(["both", "both", "both", "here", "there", "other"]))
        other = draw(contents) | {name: item[name] for name in names} if fate == "other" else item
        again = rewritten({"M": other}, dice)["M"]
        here += [item] if fate != "there" else []
        there += [again] if fate != "here" else []
    return schema, here, there


def reported_differences(rig: TableRig) -> dict[Any, str]:
    """The reported differences: who has each key, in the words of the second implementation."""
    holders = {}
    for difference in rig.differences():
        key = key_of(rig.names, {name: _read(value) for name, value in difference.key.items()})
        assert key not in holders, "told twice"
        holders[key] = {None: "both", WEST: "source", EAST: "target"}[difference.only]
    return holders


def _read(value: Any) -> Any:
    return {"B": base64.b64decode(value["B"])} if "B" in value else value


@pytest.mark.slow
@MANY
@given(table=tables(), held=HELD, alike=st.booleans())
def test_all_that_differs_is_told_once_and_nothing_else(table: Any, held: tuple[int, int], *, alike: bool) -> None:
    schema, here, there = table
    rig = shared()
    rig.set_table(schema)
    rig.world.quirks.replicas_scan_alike = alike
    for region, items in ((WEST, here), (EAST, there)):
        for item in items:
            rig.put(item, region)
    done = rig.compare(most_held=held[0], most_unsettled=held[1], patience_s=2.0)
    expected = differences(rig.names, here, there)
    assert reported_differences(rig) == expected
    assert done.differing == len(expected)
    assert (done.moving, done.read) == (0, {WEST: len(here), EAST: len(there)})


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1.5),
        st.integers(0, 11),
        st.sampled_from(["x", "y", None]),
        st.sampled_from([(EAST,), (WEST,), ()]),
    ),
    max_size=6,
)


@pytest.mark.slow
@MANY
@given(changes=CHANGES, held=HELD, lost=st.sets(st.integers(0, 11), max_size=4), alike=st.booleans())
def test_what_changes_meanwhile_hides_nothing_else_and_is_told_only_where_it_still_differs(
    changes: list[tuple[float, int, str | None, tuple[str, ...]]], held: tuple[int, int], lost: set[int], *, alike: bool
) -> None:
    rig = shared()
    rig.set_table((("id", "S"),))
    rig.world.quirks.replicas_scan_alike = alike
    for number in range(12):
        rig.put(order(number), *([WEST] if number in lost else []))
    for after_s, number, body, regions in changes:
        rig.later(after_s, order(number, body or ""), *regions, gone=body is None)
    rig.compare(most_held=held[0], most_unsettled=held[1], patience_s=6.0)
    here, there = ([*rig.table.replicas[region].items.values()] for region in (WEST, EAST))
    expected, reported = differences(rig.names, here, there), reported_differences(rig)
    assert reported.items() <= expected.items()
    touched = {key_of(rig.names, order(number)) for _, number, _, _ in changes}
    assert {key for key in expected if key not in touched} == {key for key in reported if key not in touched}


def test_it_takes_no_more_reads_than_a_scan_of_each_where_they_are_the_same(rig: TableRig) -> None:
    for item in orders(40):
        rig.put(item)
    done = rig.compare()
    assert (done.differing, done.read) == (0, {WEST: 40, EAST: 40})
    assert (rig.called("Scan"), rig.called("BatchGetItem")) == (40, 0)  # two items a page
    assert all(call.params["ConsistentRead"] for call in rig.world.calls if call.operation == "Scan")


def test_nothing_that_is_found_depends_on_the_order_in_which_regions_show_their_keys(rig: TableRig) -> None:
    rig.world.quirks.replicas_scan_alike = False
    for item in orders(40):
        rig.put(item)
    rig.put(order(7, "other"), EAST)
    rig.put(order(99), EAST)
    assert rig.compare(most_held=5).differing == 2
    assert rig.called("BatchGetItem") > 0


def test_what_arrives_within_patience_is_not_told(rig: TableRig) -> None:
    for item in orders(6):
        rig.put(item, WEST)
    for item in orders(5):
        rig.later(4.0, item, EAST)
    done = rig.compare()
    assert [difference.name for difference in rig.differences()] == ["id=order-00005"]
    assert (done.only_source, done.moving) == (1, 0)


def test_what_is_written_all_the_time_is_no_difference_while_it_arrives(rig: TableRig) -> None:
    """A counter that is one behind in the other region, whenever anybody looks."""
    rig.put(order(0, "0"), WEST)
    rig.put(order(0, "-1"), EAST)
    for turn in range(1, 400):
        rig.later(turn * 0.1, order(0, str(turn)), WEST)
        rig.later(turn * 0.1, order(0, str(turn - 1)), EAST)
    done = rig.compare()
    assert (done.differing, done.moving, rig.differences()) == (0, 1, [])


def test_what_is_written_all_the_time_and_does_not_arrive_is_told(rig: TableRig) -> None:
    rig.put(order(0, "0"), WEST)
    rig.put(order(0, "-1"), EAST)
    for turn in range(1, 400):
        rig.later(turn * 0.1, order(0, str(turn)), WEST)
    done = rig.compare()
    assert (done.both, done.moving) == (1, 0)


def test_a_difference_says_which_attributes_and_when_each_was_written(rig: TableRig) -> None:
    at = {region: {"S": f"2026-01-0{day}T00:00:00.000Z"} for region, day in ((EAST, 1), (WEST, 2))}
    for region in (EAST, WEST):
        rig.put(order(1, region, time=at[region], same={"N": "1"}), region)
    rig.compare()
    (difference,) = rig.differences()
    assert isinstance(difference, ItemDifference)
    assert (difference.only, difference.attributes) == (None, ("body", "time"))
    assert difference.written == {WEST: "2026-01-02T00:00:00.000Z", EAST: "2026-01-01T00:00:00.000Z"}
    assert "us-west" not in difference.name  # nothing of its contents


def test_many_differences_are_counted_and_the_first_are_kept(rig: TableRig) -> None:
    for item in orders(60):
        rig.put(item, WEST)
    done = rig.compare(most_held=7, most_unsettled=10, patience_s=1.0)
    assert (done.only_source, len(rig.examples), len(rig.differences())) == (60, 20, 60)


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.LOSE_ANSWER, Fault.SERVER_ERROR, Fault.READ_TIMEOUT])
def test_bad_days_on_the_way_change_nothing_of_what_is_found(rig: TableRig, fault: Fault) -> None:
    for item in orders(20):
        rig.put(item)
    rig.put(order(30), WEST)
    rig.put(order(4, "other"), EAST)
    rig.world.faults.add(fault, probability=0.2)
    done = rig.compare()
    assert (done.only_source, done.both, done.only_target) == (1, 1, 0)
    assert done.read == {WEST: 21, EAST: 20}


def test_a_table_without_a_key_is_not_taken_for_one_in_which_all_is_the_same(rig: TableRig) -> None:
    rig.put(order(1), WEST)
    rig.table.group = {}
    with pytest.raises(Failed, match="described without a key"):
        rig.compare()


def test_who_may_not_read_is_told_so(rig: TableRig) -> None:
    rig.put(order(1))
    rig.world.faults.add(Fault.DENIED, operation="Scan", region=EAST)
    with pytest.raises(AwsError, match="us-east-1: orders: not allowed to call Scan"):
        rig.compare()


def test_a_sample_looks_at_so_many_of_each_region_and_finds_what_is_among_them(rig: TableRig) -> None:
    for item in orders(300):
        rig.put(item, *([WEST] if item["id"]["S"] < "order-00150" else []))
    done = rig.compare(sample=100, seed=3, patience_s=1.0)
    assert done.is_sample
    assert done.read == {WEST: 100, EAST: 100}
    assert 20 < done.only_source < 100
    assert rig.called("Scan") <= 101  # two items a page here


def test_a_sample_of_a_small_table_is_all_of_it(rig: TableRig) -> None:
    for item in orders(9):
        rig.put(item)
    rig.put(order(50), EAST)
    done = rig.compare(sample=1000)
    assert (done.read, done.only_target) == ({WEST: 9, EAST: 10}, 1)


@pytest.mark.slow
def test_two_samples_are_not_the_same(rig: TableRig) -> None:
    for item in orders(300):
        rig.put(item, WEST)
    names = []
    for _ in range(2):
        rig.events.clear()
        rig.compare(sample=20, patience_s=0.0)
        names.append({difference.name for difference in rig.differences()})
    assert names[0] != names[1]
