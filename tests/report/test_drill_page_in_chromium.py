"""A drill's page in a real browser: read by a screen reader, in dark and light, on a telephone and on paper."""

from itertools import pairwise
from pathlib import Path

import pytest

from builder.drill.findings import Report
from builder.report import drill_page
from report import drills
from report.chromium import Page
from report.test_page_in_chromium import CONTRAST, page  # noqa: F401 - the fixture

pytestmark = pytest.mark.xdist_group("chromium")
SHOWN: dict[str, Report] = {"failover": drills.failover(without="w030"), "replication": drills.replication()}


def show(page: Page, name: str, folder: Path) -> Path:  # noqa: F811
    page.show()
    file = folder / f"{name}.html"
    file.write_text(drill_page.page(SHOWN[name]), encoding="utf-8")
    page.open(file)
    return file


@pytest.mark.parametrize("name", SHOWN)
def test_a_screen_reader_is_told_landmarks_headings_and_pictures(page: Page, name: str, tmp_path: Path) -> None:  # noqa: F811
    show(page, name, tmp_path)
    tree = page.tree()
    roles = [role for role, _ in tree]
    assert tree[0][1].startswith(f"{name.capitalize()} drill of tap-dev: ")
    assert roles.count("banner") == roles.count("main") == 1
    assert {text for role, text in tree if role in {"image", "img"}} == {
        "Delay of each probe over time",
        "Attempts in each second by region and by how they ended",
    }
    assert all(text for role, text in tree if role in {"heading", "region", "image", "img"})
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(page: Page, name: str, scheme: str, tmp_path: Path) -> None:  # noqa: F811
    show(page, name, tmp_path)
    page.show(scheme=scheme)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 30
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_wider_than_the_screen(page: Page, name: str, width: int, tmp_path: Path) -> None:  # noqa: F811
    show(page, name, tmp_path)
    page.show(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_asks_for_nothing_and_breaks_no_rule_of_its_policy(page: Page, name: str, tmp_path: Path) -> None:  # noqa: F811
    file = show(page, name, tmp_path)
    asked = [one["params"]["request"]["url"] for one in page.events if one["method"] == "Network.requestWillBeSent"]
    assert asked == [file.as_uri()]
    assert [event for event in page.events if event["method"] == "Log.entryAdded"] == []


def test_the_pictures_show_every_dot_and_every_bar_within_their_frame(page: Page, tmp_path: Path) -> None:  # noqa: F811
    show(page, "failover", tmp_path)
    outside = """[...document.querySelectorAll('main .scroll svg')].flatMap(svg => {
      const frame = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('.dots, .side-0, .side-1, .failed, .fault, text')].filter(one => {
        const box = one.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      }).map(one => one.outerHTML);
    })"""
    assert page.evaluate(outside) == []
    assert page.evaluate("document.querySelectorAll('main .scroll svg .failed').length") >= 5
    assert page.evaluate("document.querySelectorAll('main .scroll svg .fault').length") == 2
