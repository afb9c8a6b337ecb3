from hypothesis import given
from hypothesis import strategies as st

from builder.aws import Pace


@given(st.floats(min_value=0, max_value=1e6))
def test_a_look_is_late_by_at_most_a_fraction_of_what_was_waited(waited_s: float) -> None:
    pace = Pace(first_s=0.25, fraction=0.1, longest_s=5.0)
    assert 0.25 <= pace.wait_s(waited_s) <= max(0.25, min(5.0, 0.1 * waited_s))
