import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.note import (
    TAG,
    BrokenHandler,
    Denied,
    Note,
    NotedChange,
    Reserved,
    Slowed,
    fits,
    read_notes,
    tag_key,
    write_tag,
)
from builder.errors import Stopped

DRILLS = st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)
# As UpdateFunctionConfiguration takes them: anything without white space.
HANDLERS = st.from_regex(r"[^\s]{1,128}", fullmatch=True).filter(lambda text: text.isprintable())
CHANGES: st.SearchStrategy[NotedChange] = st.one_of(
    st.builds(Reserved, st.none() | st.integers(0, 10**6), st.sampled_from([None, "fis", "one-way"])),
    st.builds(BrokenHandler, HANDLERS),
    st.builds(
        Denied, st.from_regex(r"[\w+=,.@-]{1,64}", fullmatch=True), st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
    ),
    st.builds(Slowed, st.floats(0.1, 3600).map(lambda number: round(number, 3))),
)


@given(DRILLS, CHANGES)
def test_what_was_changed_comes_back_from_its_tag(drill: str, change: NotedChange) -> None:
    note = Note(drill, change)
    assert read_notes({"project": "tap", **write_tag(note)}, "f") == (note,)


@given(st.from_regex(r"[0-9A-Za-z-]{64}", fullmatch=True), CHANGES.filter(fits))
def test_a_tag_is_one_that_aws_takes(drill: str, change: NotedChange) -> None:
    ((key, value),) = write_tag(Note(drill, change)).items()
    assert re.fullmatch(r"[\w .:/=+@-]{1,128}", key, flags=re.ASCII)
    assert re.fullmatch(r"[\w .:/=+@-]{1,256}", value, flags=re.ASCII)


@given(DRILLS, DRILLS)
def test_each_drill_has_a_tag_of_its_own(drill: str, another: str) -> None:
    assert (tag_key(drill) == tag_key(another)) is (drill == another)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ("reserved-concurrency=none", Reserved(None)),
        ("reserved-concurrency=0", Reserved(0)),
        ("reserved-concurrency=12 fis", Reserved(12, "fis")),
    ],
)
def test_a_tag_of_the_version_before_is_read(value: str, change: NotedChange) -> None:
    assert read_notes({f"{TAG}:20261128-1": value}, "f") == (Note("20261128-1", change),)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (TAG, "mine"),
        (f"{TAG}:d1", "mine"),
        (f"{TAG}:d1", "handler="),
        (f"{TAG}:d1", "handler=a b"),
        (f"{TAG}:d1", "role=x policy=short"),
        (f"{TAG}:a b", "reserved-concurrency=none"),
        (f"{TAG}:d1", "reserved-concurrency=none later"),
    ],
)
def test_a_tag_that_no_drill_wrote_stops_for_a_person(key: str, value: str) -> None:
    with pytest.raises(Stopped, match=f"says '{value}'"):
        read_notes({key: value}, "us-east-1: tap-dev-primary")


def test_a_handler_of_odd_characters_may_find_no_room() -> None:
    assert fits(BrokenHandler("é" * 41))
    assert not fits(BrokenHandler("é" * 42))
