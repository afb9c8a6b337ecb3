import pytest

from builder.local.adapter.cloudwatch.expressions import Series, Unplayed, evaluate, names

_GAP: Series = (1.0, None, 3.0)
_FULL: Series = (10.0, 20.0, 30.0)


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ("a", _GAP),
        ("100 * a / b", (10.0, None, 10.0)),
        ("a / 0", (None, None, None)),
        ("-a + 2 ^ 3", (7.0, None, 5.0)),
        ("FILL(a, 0)", (1.0, 0.0, 3.0)),
        ("FILL(a, b)", (1.0, 20.0, 3.0)),
        ("FILL(a, REPEAT)", (1.0, 3.0, 3.0)),
        ("IF(b >= 20, a, 0)", (0.0, None, 3.0)),
        ("IF(a > 0, 5)", (5.0, None, 5.0)),
        ("IF(a > 0 AND b < 30, 1, 0)", (1.0, None, 0.0)),
        ("a > 2 || b > 5", (1.0, None, 1.0)),
        ("SUM([a, b])", (11.0, 20.0, 33.0)),
        ("MAX(METRICS())", (10.0, 20.0, 30.0)),
        ("AVG(a)", (2.0, 2.0, 2.0)),
        ("CEIL(b / 30)", (1.0, 1.0, 1.0)),
        ("7", (7.0, 7.0, 7.0)),
        ("IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)", (0.0, 50.0, None)),
    ],
)
def test_metric_math_is_computed_period_by_period(expression: str, series: Series) -> None:
    known = {"a": _GAP, "b": _FULL}
    if "errors" in expression:
        known = {"requests": (10.0, 40.0, None), "errors": (5.0, 20.0, None)}
    assert evaluate(expression, known) == series


@pytest.mark.parametrize(
    "expression",
    ["a +", "SEARCH('{x}', 'Sum')", "ANOMALY_DETECTION_BAND(a, 2)", "[a, b]", "c + 1", "import os", "a if b else 0"],
)
def test_what_is_not_played_is_refused(expression: str) -> None:
    with pytest.raises(Unplayed):
        evaluate(expression, {"a": _GAP, "b": _FULL})


def test_the_ids_that_an_expression_reads_are_known() -> None:
    assert names("IF(a > 1 AND FILL(b, REPEAT) > 2, SUM(METRICS()), c)") == {"a", "b", "c"}
