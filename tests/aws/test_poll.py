from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import given
from hypothesis import strategies as st

from builder.aws import Pace, Tempo


@given(st.one_of(st.floats(min_value=0, max_value=4), st.floats(min_value=0, max_value=1e6)))
def test_a_look_is_late_by_at_most_a_fraction_of_what_was_waited(passed_s: float) -> None:
    pace = Pace(first_s=2.0, every_s=0.25, fraction=0.1, longest_s=5.0)
    if passed_s < 2.0:
        assert pace.wait_s(passed_s) == 2.0 - passed_s
    else:
        assert 0.25 <= pace.wait_s(passed_s) <= max(0.25, min(5.0, 0.1 * passed_s))


def answered(status: int, **headers: str) -> Tempo:
    """The tempo after one such answer."""
    said = HTTPHeaders.from_dict({name.replace("_", "-"): value for name, value in headers.items()})
    tempo = Tempo()
    tempo.heed(http_response=AWSResponse("https://cloudformation", status, said, None))
    return tempo


@given(st.integers(min_value=0, max_value=120))
def test_an_endpoint_that_says_when_to_come_back_is_asked_then_and_never_in_a_hot_loop(seconds: int) -> None:
    tempo = answered(200, Retry_After=str(seconds))
    for pace in (tempo.change_sets, tempo.stacks):
        assert pace.wait_s(0) == max(seconds, 0.1)
        assert pace.wait_s(seconds) >= 0.1


def test_other_answers_leave_the_tempo_as_it_is() -> None:
    assert answered(200) == answered(503, Retry_After="1") == Tempo()
    assert answered(200, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT") == Tempo()
