import re

from builder.report.html import BOX_HEIGHT, Box, Drawing, draw
from builder.report.review import make_entries
from report.sample import SERVICE, TABLE, deferred, plan, step

SKIPPING = plan(
    step("r/first"),
    step("r/second", needs=("r/first",)),
    step("r/third", needs=("r/second", "r/first")),
)


def drawn(shown: object) -> Drawing:
    return draw(make_entries(shown))  # type: ignore[arg-type]  # handed on


def test_what_waits_stands_right_of_all_it_waits_for() -> None:
    drawing = drawn(SKIPPING)
    assert [box.entry.stack for box in sorted(drawing.boxes, key=lambda box: box.x)] == [
        "r/first",
        "r/second",
        "r/third",
    ]
    assert len(drawing.arrows) == 3


def test_an_arrow_that_skips_a_column_goes_through_no_box_there() -> None:
    drawing = drawn(SKIPPING)
    (second,) = (box for box in drawing.boxes if box.entry.stack == "r/second")
    (skipping,) = (points(arrow) for arrow in drawing.arrows if len(points(arrow)) > 2)
    for _, y in (point for point in skipping if second.x <= point[0] <= second.x + second.width):
        assert not second.y <= y <= second.y + BOX_HEIGHT


def test_nothing_overlaps_or_leaves_the_picture() -> None:
    drawing = drawn(plan(*(step(f"r/{number}") for number in range(9)), step(SERVICE, needs=("r/1", "r/8"))))
    assert not any(overlap(box, other) for box in drawing.boxes for other in drawing.boxes if box is not other)
    assert all(box.x + box.width <= drawing.width and box.y + BOX_HEIGHT <= drawing.height for box in drawing.boxes)


def test_each_change_set_of_a_stack_has_its_box() -> None:
    assert [box.entry.title for box in drawn(plan(step(TABLE), deferred(TABLE, part=2))).boxes] == [
        TABLE,
        f"{TABLE} (2)",
    ]


def test_an_empty_plan_is_an_empty_picture() -> None:
    assert drawn(plan()).boxes == ()


def points(path: str) -> list[tuple[int, int]]:
    """Return where a path begins and where each of its curves ends."""
    return [(int(x), int(y)) for x, y in re.findall(r"(?:M|C\S+ \S+ )(\d+),(\d+)", path)]


def overlap(box: Box, other: Box) -> bool:
    return abs(box.y - other.y) < BOX_HEIGHT and box.x < other.x + other.width and other.x < box.x + box.width
