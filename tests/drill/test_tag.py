import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.tag import Changed, read_tag, write_tag
from builder.errors import Stopped


@given(st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True), st.none() | st.integers(0, 10**6), st.booleans())
def test_what_was_changed_comes_back_from_its_tag(drill: str, reserved: int | None, fis: bool) -> None:  # noqa: FBT001 - hypothesis gives no keywords
    changed = Changed(drill, reserved, fis)
    assert read_tag(write_tag(changed), "f") == changed


@given(st.from_regex(r"[0-9A-Za-z-]{64}", fullmatch=True), st.integers(0, 10**6))
def test_a_tag_is_one_that_aws_takes(drill: str, reserved: int) -> None:
    assert re.fullmatch(r"[\w .:/=+@-]{1,256}", write_tag(Changed(drill, reserved)), flags=re.ASCII)


def test_a_tag_that_no_drill_wrote_stops_for_a_person() -> None:
    with pytest.raises(Stopped, match="says 'mine'"):
        read_tag("mine", "us-east-1: tap-dev-primary")
