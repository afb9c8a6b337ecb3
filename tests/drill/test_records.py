import pytest

from drill.hand_made import PRIMARY, SECONDARY, attempt, good, lost, over


@pytest.mark.parametrize(
    ("status", "is_good"),
    [(200, True), (201, True), (204, True), (301, False), (429, False), (500, False), (None, False)],
)
def test_an_attempt_is_good_if_the_region_did_what_it_was_asked(status: int | None, *, is_good: bool) -> None:
    assert attempt(PRIMARY, 1.0, status).is_good is is_good


def test_a_write_is_acknowledged_by_the_region_of_its_last_attempt_or_by_none() -> None:
    assert good("a", 1.0).acknowledged_by == PRIMARY
    assert over("b", 1.0).acknowledged_by == SECONDARY
    assert lost("c", 1.0).acknowledged_by is None


def test_a_write_lasts_from_its_first_attempt_to_the_answer_of_its_last() -> None:
    write = over("b", 1.0)
    assert write.began_s == 1.0
    assert write.ended_s == pytest.approx(1.02)
