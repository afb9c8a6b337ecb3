import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.drill.probe import (
    Mix,
    Probe,
    counter_key,
    make_count,
    make_probe,
    object_key,
    object_name,
    object_prefix,
    probe_key,
    shown_count,
    shown_number,
)
from builder.drill.records import RegionAttempt, Sighting, Write
from builder.terms import Region

AT = datetime(2026, 1, 1, 12, 0, 0, 250000, tzinfo=UTC)
REGIONS = (Region("us-east-1"), Region("us-west-2"), Region("eu-west-1"))


def test_a_probe_is_numbered_and_dated_and_told_by_its_mark() -> None:
    key = probe_key("d1", "load", 7)
    made = make_probe(key, 3, AT)
    assert (made.id, made.key, made.number) == ("drill-d1-load-000007.3", "drill-d1-load-000007", 3)
    assert json.loads(made.body) == {"probe": f"{key}#3", "sent": "2026-01-01T12:00:00.250+00:00"}
    assert make_probe(key, 1, AT).id == key
    assert make_probe(key, 4, AT, deletes=True) == Probe(f"{key}.4", key, 4, "", deletes=True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (make_probe("drill-a-load-000001", 12, AT).body, 12),
        ('{"data": {"probe": "drill-a-load-000001#2"}, "was": "drill-a-load-000001#1"}', 2),
        (make_probe("drill-a-load-0000019", 3, AT).body, 0),
        (make_probe("drill-a-load-000002", 3, AT).body, 0),
        ("", 0),
    ],
)
def test_whatever_an_application_makes_of_a_body_the_mark_says_which_write_it_is(text: str, number: int) -> None:
    assert shown_number("drill-a-load-000001", text) == number


@given(turn=st.integers(1, 10**6), value=st.integers(0, 10**9))
def test_the_counter_s_turn_and_value_are_read_back(turn: int, value: int) -> None:
    key = counter_key("d1")
    assert shown_count(key, make_count(key, turn, value, AT).body) == (turn, value)
    assert shown_count(counter_key("d2"), make_count(key, turn, value, AT).body) is None


def test_an_object_is_found_by_its_key() -> None:
    assert object_name("d1", object_key("d1", "x")) == "x"
    assert object_key("d1", "x").startswith(object_prefix("d1"))


_STEPS = st.lists(st.tuples(st.sampled_from(["slot", "end", "see"]), st.integers(0, 10**6)), max_size=150)


@settings(deadline=None)
@given(steps=_STEPS, overwrites=st.booleans(), deletes=st.booleans())
def test_what_is_overwritten_or_deleted_was_seen_everywhere_before(
    steps: list[tuple[str, int]], *, overwrites: bool, deletes: bool
) -> None:
    """Whatever is acknowledged, lost, seen, or seen twice, in any order, against a second account of each key."""
    mix = Mix("d", "load", REGIONS, overwrites=overwrites, deletes=deletes)
    under_way: list[Probe] = []
    shown: dict[tuple[str, int], set[Region]] = {}
    last: dict[str, Probe] = {}
    for slot, (step, choice) in enumerate(steps, 1):
        if step == "slot":
            probe = mix.next(slot, AT)
            before = last.get(probe.key)
            if before is None:
                assert (probe.number, probe.deletes) == (1, False)
            else:
                assert (overwrites, deletes)[probe.deletes]
                assert not before.deletes
                assert probe.number == before.number + 1
                assert shown[before.key, before.number] == set(REGIONS)
            last[probe.key] = probe
            under_way.append(probe)
        elif step == "end" and under_way:
            done = under_way.pop(choice % len(under_way))
            by = (None, *REGIONS)[choice % 4]
            attempt = RegionAttempt(by or REGIONS[0], 0.0, 0.0, 201 if by else 503)
            number, gone = done.number, done.deletes
            mix.ended(Write(done.id, "item", done.body, (attempt,), key=done.key, number=number, deletes=gone))
            if by:
                shown[done.key, done.number] = {by}
        elif step == "see" and shown:
            key, number = sorted(shown)[choice % len(shown)]
            region = REGIONS[choice % 3]
            shown[key, number].add(region)
            mix.seen(Sighting(key, region, 0.0, number))


def test_of_five_slots_one_overwrites_and_one_deletes_where_all_arrives_at_once() -> None:
    mix = Mix("d", "load", REGIONS[:1], overwrites=True, deletes=True)
    kinds = []
    for slot in range(1, 101):
        probe = mix.next(slot, AT)
        kinds.append("delete" if probe.deletes else "new" if probe.number == 1 else "overwrite")
        attempts = (RegionAttempt(REGIONS[0], 0.0, 0.0, 200),)
        mix.ended(Write(probe.id, "item", probe.body, attempts, 0.0, 0.0, probe.key, probe.number, probe.deletes))
    assert [kinds.count(kind) for kind in ("new", "overwrite", "delete")] == [60, 20, 20]
