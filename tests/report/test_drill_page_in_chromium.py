"""A drill's page and that of many in a real browser: read by a screen reader, in dark and light, on a telephone, on
paper."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from builder.report import drill_history, drill_page
from report import drills
from report.chromium import Page
from report.test_page_in_chromium import CONTRAST, page  # noqa: F401 - the fixture

pytestmark = pytest.mark.xdist_group("chromium")
SHOWN: dict[str, Callable[[], str]] = {
    "failed": lambda: drill_page.drill_page(drills.failover(drills.BAD)),
    "three regions": lambda: drill_page.drill_page(drills.failover(drills.THREE)),
    "replication": lambda: drill_page.drill_page(drills.replication()),
    "history": lambda: drill_history.history_page(drills.history(40)),
}


def show(page: Page, name: str, folder: Path) -> Path:  # noqa: F811
    page.show()
    file = folder / f"{name}.html"
    file.write_text(SHOWN[name](), encoding="utf-8")
    page.open(file)
    return file


@pytest.mark.parametrize("name", SHOWN)
def test_a_screen_reader_is_told_landmarks_headings_and_pictures_and_nothing_is_asked_for(
    page: Page,  # noqa: F811
    name: str,
    tmp_path: Path,
) -> None:
    file = show(page, name, tmp_path)
    urls = [
        event["params"]["request"]["url"] for event in page.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert urls == [file.as_uri()]
    assert [event for event in page.events if event["method"] == "Log.entryAdded"] == []
    tree = page.tree()
    roles = [role for role, _ in tree]
    assert roles.count("banner") == roles.count("main") == 1
    pictures = [text for role, text in tree if role in {"image", "img"}]
    assert all(pictures)
    assert len(set(pictures)) == len(pictures) == page.evaluate("document.querySelectorAll('figure').length")
    assert all(text for role, text in tree if role in {"heading", "region", "link"})
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", SHOWN)
def test_every_text_has_the_contrast_that_wcag_asks_for(page: Page, name: str, tmp_path: Path) -> None:  # noqa: F811
    show(page, name, tmp_path)
    for scheme in ("light", "dark"):
        page.show(scheme=scheme)
        contrasts = page.evaluate(CONTRAST)
        assert len(contrasts) > 30
        assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


TEXTS = "document.querySelectorAll('figure svg text')"
OUTSIDE = """[...document.querySelectorAll('figure svg')].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('path, text, .spell, .fault')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map(one => one.outerHTML);
})"""
OVER_EACH_OTHER = """[...document.querySelectorAll('figure svg')].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()]);
  return texts.flatMap(([a, one], place) => texts.slice(place + 1).filter(([b, other]) =>
    one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 4 && other.top < one.bottom - 4
  ).map(([b]) => [a, b]));
})"""


@pytest.mark.parametrize("name", SHOWN)
def test_on_every_screen_a_picture_of_its_size_is_within_its_frame_and_can_be_read(
    page: Page,  # noqa: F811
    name: str,
    tmp_path: Path,
) -> None:
    show(page, name, tmp_path)
    for width in (320, 390, 1280):
        page.show(width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shown = "[...one.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).length"
        assert set(page.evaluate(f"[...document.querySelectorAll('figure')].map(one => {shown})")) == {1}
        sizes = f"[...{TEXTS}].filter(one => one.checkVisibility()).map(one => 12 * one.getScreenCTM().a)"
        assert min(page.evaluate(sizes)) >= 9.5
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(OVER_EACH_OTHER) == []


def test_on_paper_every_list_is_unfolded_and_there_is_room_to_sign(page: Page, tmp_path: Path) -> None:  # noqa: F811
    show(page, "failed", tmp_path)
    seen = "[...document.querySelectorAll('.inside')].map(one => one.checkVisibility())"
    assert False in page.evaluate(seen)
    page.show(media="print", width=700)
    assert set(page.evaluate(seen)) == {True}
    lines = "[...document.querySelectorAll('.sign dd')].map(one => one.getBoundingClientRect().width)"
    assert len(page.evaluate(lines)) == 6
    assert min(page.evaluate(lines)) > 150
