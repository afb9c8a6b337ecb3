import pytest

from builder.errors import did_you_mean


@pytest.mark.parametrize(
    ("wrong", "right", "question"),
    [
        ("timeout", ("memory_mb", "timeout_s"), " (did you mean timeout_s?)"),
        ("PYTHON3.14", ("python3.14", "nodejs24.x"), " (did you mean python3.14?)"),
        ("nothing", ("python3.14",), ""),
        (31, (1, 30, 60), " (did you mean 30?)"),
        (31, ("python3.14",), ""),
        (True, (1, 30), ""),
        ("", ("project",), ""),
        ("project", (), ""),
    ],
)
def test_the_nearest_is_asked_for(wrong: object, right: tuple[object, ...], question: str) -> None:
    assert did_you_mean(wrong, right) == question
