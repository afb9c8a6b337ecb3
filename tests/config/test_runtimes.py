from datetime import date

import pytest

from builder.components.available import RUNTIMES, lifecycles, runtime_fault, runtime_warning, successor


def test_every_runtime_on_offer_has_a_known_end() -> None:
    assert set(RUNTIMES) <= lifecycles().keys()


@pytest.mark.parametrize(
    ("today", "message"),
    [
        ("2026-11-01", "'nodejs22.x' has no security updates after 2027-04-30"),
        ("2026-11-01", "and AWS refuses new functions with it from 2027-06-01 (use nodejs24.x)"),
        ("2027-04-30", "'nodejs22.x' has no security updates since 2027-04-30"),
    ],
)
def test_an_end_is_told_half_a_year_ahead(today: str, message: str) -> None:
    assert message in str(runtime_warning("nodejs22.x", date.fromisoformat(today)))


def test_before_that_nothing_is_said() -> None:
    assert runtime_warning("nodejs22.x", date(2026, 10, 31)) is None


def test_a_runtime_is_refused_from_the_day_that_aws_refuses_it() -> None:
    assert runtime_fault("nodejs22.x", date(2027, 5, 31)) is None
    assert runtime_fault("nodejs22.x", date(2027, 6, 1)) == (
        "'nodejs22.x' cannot be deployed: AWS refuses new functions with it since 2027-06-01 (use nodejs24.x)"
    )


def test_a_runtime_without_a_known_end_is_neither_told_nor_refused() -> None:
    assert runtime_fault("python9.9", date(2099, 1, 1)) is None
    assert runtime_warning("python9.9", date(2099, 1, 1)) is None


def test_an_end_without_a_day_of_refusal_is_only_told() -> None:
    (open_ended, *_) = [name for name, life in lifecycles().items() if life.create_block is None]

    assert runtime_fault(open_ended, date(2099, 1, 1)) is None
    assert "refuses" not in str(runtime_warning(open_ended, date(2099, 1, 1)))


@pytest.mark.parametrize(
    ("name", "instead"),
    [("nodejs18.x", "nodejs24.x"), ("python3.12", "python3.14"), ("java8", None), ("cobol", None)],
)
def test_an_old_runtime_leads_to_one_that_can_be_used_here(name: str, instead: str | None) -> None:
    assert successor(name) == instead
