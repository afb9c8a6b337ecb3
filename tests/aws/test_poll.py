from hypothesis import given
from hypothesis import strategies as st

from builder.aws import Pace


@given(st.one_of(st.floats(min_value=0, max_value=4), st.floats(min_value=0, max_value=1e6)))
def test_a_look_is_late_by_at_most_a_fraction_of_what_was_waited(passed_s: float) -> None:
    pace = Pace(first_s=2.0, every_s=0.25, fraction=0.1, longest_s=5.0)
    if passed_s < 2.0:
        assert pace.wait_s(passed_s) == 2.0 - passed_s
    else:
        assert 0.25 <= pace.wait_s(passed_s) <= max(0.25, min(5.0, 0.1 * passed_s))
