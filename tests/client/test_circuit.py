import pytest

from builder.client import Circuit, Closed, HalfOpen, Limits, Open
from builder.client.records import admit, after_failure, after_success

NOW = 100.0
LIMITS = Limits(failures_to_open=3, open_s=5.0, probes_to_close=2)


@pytest.mark.parametrize(
    ("circuit", "admitted"),
    [
        (Closed(), Closed()),
        (Closed(2), Closed(2)),
        (Open(NOW + 0.1), None),
        (Open(NOW), HalfOpen(0, probing=True)),
        (HalfOpen(1), HalfOpen(1, probing=True)),
        (HalfOpen(1, probing=True), None),
    ],
)
def test_a_request_is_admitted_unless_the_circuit_is_open_or_being_probed(
    circuit: Circuit, admitted: Circuit | None
) -> None:
    assert admit(circuit, NOW) == admitted


@pytest.mark.parametrize(
    ("circuit", "then"),
    [
        (Closed(2), Closed()),
        (HalfOpen(0, probing=True), HalfOpen(1)),
        (HalfOpen(1, probing=True), Closed()),
        (Open(NOW + 1), HalfOpen(1)),
    ],
)
def test_good_answers_close_a_circuit_one_by_one(circuit: Circuit, then: Circuit) -> None:
    assert after_success(circuit, LIMITS) == then


@pytest.mark.parametrize(
    ("circuit", "then"),
    [
        (Closed(), Closed(1)),
        (Closed(2), Open(NOW + 5)),
        (HalfOpen(1, probing=True), Open(NOW + 5)),
        (Open(NOW + 1), Open(NOW + 1)),
    ],
)
def test_failures_open_a_circuit_and_a_bad_probe_opens_it_again(circuit: Circuit, then: Circuit) -> None:
    assert after_failure(circuit, LIMITS, NOW) == then


def test_one_good_answer_forgives_the_failures_before_it() -> None:
    circuit: Circuit = Closed()
    for _ in range(10):
        circuit = after_failure(circuit, LIMITS, NOW)
        circuit = after_failure(circuit, LIMITS, NOW)
        circuit = after_success(circuit, LIMITS)
    assert circuit == Closed()


def test_a_single_probe_closes_a_circuit_where_one_is_enough() -> None:
    assert after_success(Open(NOW), Limits(probes_to_close=1)) == Closed()
