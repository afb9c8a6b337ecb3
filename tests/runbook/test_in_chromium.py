"""A runbook's page in a real browser: read by a screen reader, in dark and light, on a telephone, on paper."""

from itertools import pairwise
from pathlib import Path

import pytest

from builder.report.runbook import runbook_page
from builder.runbook import as_typed
from report.chromium import Page
from report.test_page_in_chromium import CONTRAST, page  # noqa: F401 - the fixture
from runbook.test_page import page as make_page

pytestmark = pytest.mark.xdist_group("chromium")
SHOWN = make_page(
    regions={"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"]},
    alarms={},
    encryption={"key": "managed"},
)


@pytest.fixture
def shown(page: Page, tmp_path: Path) -> Page:  # noqa: F811
    page.show()
    file = tmp_path / "runbook.html"
    file.write_text(runbook_page(SHOWN), encoding="utf-8")
    page.open(file)
    urls = [
        event["params"]["request"]["url"] for event in page.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert urls == [file.as_uri()]
    assert [event for event in page.events if event["method"] == "Log.entryAdded"] == []
    return page


def test_a_screen_reader_is_told_landmarks_and_headings_in_their_order(shown: Page) -> None:
    tree = shown.tree()
    roles = [role for role, _ in tree]
    assert roles.count("banner") == roles.count("main") == 1
    assert all(text for role, text in tree if role in {"heading", "region", "link"})
    levels = shown.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_text_has_the_contrast_that_wcag_asks_for(shown: Page) -> None:
    for scheme in ("light", "dark"):
        shown.show(scheme=scheme)
        contrasts = shown.evaluate(CONTRAST)
        assert len(contrasts) > 300
        assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


def test_no_screen_is_too_narrow_and_every_link_leads_to_a_heading(shown: Page) -> None:
    for width in (320, 390, 1280):
        shown.show(width=width)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
    dead = "[...document.querySelectorAll('a')].filter(one => !document.querySelector(one.hash)).length"
    assert shown.evaluate(dead) == 0


def test_a_click_selects_a_whole_line_and_nothing_else(shown: Page) -> None:
    lines = shown.evaluate("[...document.querySelectorAll('.typed')].map(one => one.textContent)")
    assert set(lines) >= {as_typed(command) for command in SHOWN.commands}
    assert shown.evaluate("getComputedStyle(document.querySelector('.typed')).userSelect") == "all"


def test_on_paper_each_situation_begins_a_page(shown: Page) -> None:
    shown.show(media="print", width=700)
    breaks = shown.evaluate(
        "[...document.querySelectorAll('.situation')].map(one => getComputedStyle(one).breakBefore)"
    )
    assert set(breaks) == {"page"}
