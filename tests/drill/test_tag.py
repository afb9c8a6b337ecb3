import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.tag import TAG, Changed, read_tags, tag_key, write_tag
from builder.errors import Stopped

DRILLS = st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)


@given(DRILLS, st.none() | st.integers(0, 10**6), st.booleans())
def test_what_was_changed_comes_back_from_its_tag(drill: str, reserved: int | None, fis: bool) -> None:  # noqa: FBT001 - hypothesis gives no keywords
    changed = Changed(drill, reserved, fis)
    assert read_tags({"project": "tap", **write_tag(changed)}, "f") == (changed,)


@given(DRILLS, DRILLS)
def test_each_drill_has_a_tag_of_its_own(one: str, another: str) -> None:
    assert (tag_key(one) == tag_key(another)) is (one == another)


@given(st.from_regex(r"[0-9A-Za-z-]{64}", fullmatch=True), st.integers(0, 10**6))
def test_a_tag_is_one_that_aws_takes(drill: str, reserved: int) -> None:
    ((key, value),) = write_tag(Changed(drill, reserved, fis=True)).items()
    assert re.fullmatch(r"[\w .:/=+@-]{1,128}", key, flags=re.ASCII)
    assert re.fullmatch(r"[\w .:/=+@-]{1,256}", value, flags=re.ASCII)


@pytest.mark.parametrize("key", [TAG, f"{TAG}:d1"])
def test_a_tag_that_no_drill_wrote_stops_for_a_person(key: str) -> None:
    with pytest.raises(Stopped, match="says 'mine'"):
        read_tags({key: "mine"}, "us-east-1: tap-dev-primary")
