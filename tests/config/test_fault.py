import pytest

from builder.config.document import KeyPath, Lines

LINES = Lines("dr.yaml", {(): 1, ("regions",): 3, ("regions", "secondaries", 0): 5})


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ((), "dr.yaml:1"),
        (("regions",), "dr.yaml:3: regions"),
        (("regions", "secondaries", 0), "dr.yaml:5: regions.secondaries[0]"),
        (("regions", "primary"), "dr.yaml:3: regions.primary"),
        (("project",), "dr.yaml:1: project"),
    ],
)
def test_a_place_that_is_not_in_the_file_has_the_line_of_what_is_around_it(place: KeyPath, where: str) -> None:
    assert LINES.where(place) == where


def test_a_line_that_is_known_better_wins() -> None:
    assert LINES.where(("regions",), 9) == "dr.yaml:9: regions"


def test_without_a_file_everything_is_on_its_first_line() -> None:
    assert Lines().where(("project",)) == "dr.yaml:1: project"
