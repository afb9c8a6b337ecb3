"""The page of a plan in a real browser: found, unfolded and followed by keyboard, read aloud, printed."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from builder.deploy import read_plan
from report.chromium import Page, browse
from report.recordings import RECORDED

PLANS = Path(__file__).parents[1] / "golden" / "plans"
pytestmark = pytest.mark.xdist_group("chromium")
FOCUS = "document.activeElement"

CONTRAST = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = numbers(colour).slice(0, 3).map(value => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    if (element instanceof SVGTextElement) return getComputedStyle(element.previousElementSibling).fill;
    const colour = getComputedStyle(element).backgroundColor;
    return (numbers(colour)[3] ?? 1) ? colour : ground(element.parentElement);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let node; node = walker.nextNode();) {
    if (node.data.trim() && node.parentElement.tagName != "title") texts.push(node);
  }
  return texts.map(({data, parentElement}) => {
    const {fill, color} = getComputedStyle(parentElement);
    const pair = [parentElement instanceof SVGTextElement ? fill : color, ground(parentElement)].map(light);
    return [data.trim(), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
  });
})()
"""


@pytest.fixture(scope="module")
def page(browser: str) -> Iterator[Page]:
    with browse(browser) as opened:
        yield opened


def show(page: Page, name: str) -> None:
    page.show()
    page.open(PLANS / f"{name}.html")


def unfold_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def test_the_riskiest_change_is_found_unfolded_and_followed_by_keyboard_alone(page: Page) -> None:
    show(page, "replacement")
    assert "tap-dev-items" in str(page.tree())  # the riskiest is unfolded
    page.evaluate("document.querySelector('details').open = false")
    assert "tap-dev-items" not in str(page.tree())
    page.press("Tab")
    assert page.evaluate(f"{FOCUS}.textContent") == "Skip to the changes"
    page.press("Enter")
    page.press("Tab")
    assert page.evaluate(f"{FOCUS}.tagName") == "SUMMARY"
    assert " ".join(page.evaluate(f"{FOCUS}.innerText").split()) == "us-east-1/table replace to be allowed 1 replaced"
    page.press("Enter")
    tree = page.tree()
    assert ("heading", "Table AWS::DynamoDB::GlobalTable replaced") in tree
    assert {("StaticText", "tap-dev-global"), ("StaticText", "tap-dev-items")} <= set(tree)
    page.press("Tab")
    (step, _) = read_plan((PLANS / "replacement.json").read_bytes(), "replacement.json").steps
    assert page.evaluate(f"{FOCUS}.href") == step.console
    assert step.console.startswith("https://us-east-1.console.aws.amazon.com/cloudformation/")


def test_the_space_bar_folds_and_unfolds_too(page: Page) -> None:
    show(page, "update")
    page.press("Tab")
    page.press("Tab")
    for is_open in (False, True):
        page.press("Space")
        assert page.evaluate(f"{FOCUS}.parentElement.open") is is_open


def test_a_link_in_the_picture_unfolds_the_stack_it_leads_to(page: Page) -> None:
    show(page, "deferred")
    page.evaluate("document.querySelector('details').open = false")
    page.evaluate("document.querySelector('svg a[href=\"#entry-2\"]').focus()")
    page.press("Enter")
    assert page.evaluate("document.querySelector('#entry-2').closest('details').open") is True
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 1


@pytest.mark.parametrize("name", RECORDED)
def test_a_screen_reader_is_told_landmarks_headings_and_names(page: Page, name: str) -> None:
    show(page, name)
    unfold_all(page)
    tree = page.tree()
    roles = [role for role, _ in tree]
    assert tree[0][1].startswith(f"Plan {name} of tap-dev: ")
    assert roles.index("banner") < roles.index("main")
    assert roles.count("banner") == roles.count("main") == 1
    assert all(text for role, text in tree if role in {"link", "heading", "region", "DisclosureTriangle"})
    regions = [text for role, text in tree if role == "region"]
    assert len(regions) == len(set(regions))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(page: Page, name: str, scheme: str) -> None:
    show(page, name)
    page.show(scheme=scheme)
    unfold_all(page)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 10
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_wider_than_the_screen(page: Page, name: str, width: int) -> None:
    show(page, name)
    page.show(width=width)
    unfold_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_everything_is_unfolded(page: Page) -> None:
    show(page, "deferred")
    seen = "[...document.querySelectorAll('.inside')].map(one => one.checkVisibility())"
    assert page.evaluate(seen).count(True) == 1  # the riskiest
    page.show(media="print", width=700)
    assert set(page.evaluate(seen)) == {True}


@pytest.mark.parametrize("name", RECORDED)
def test_the_page_asks_for_nothing_and_breaks_no_rule_of_its_policy(page: Page, name: str) -> None:
    show(page, name)
    unfold_all(page)
    urls = [
        event["params"]["request"]["url"] for event in page.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert urls == [(PLANS / f"{name}.html").as_uri()]
    assert [event for event in page.events if event["method"] == "Log.entryAdded"] == []
    assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none"  # its own style is let in


def test_the_policy_stops_a_style_and_a_script_that_are_not_the_page_s(page: Page) -> None:
    show(page, "nothing")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p id=it style=\"color: red\" onclick=\"this.id=0\">')"
    )
    assert page.evaluate("getComputedStyle(document.querySelector('#it')).color") != "rgb(255, 0, 0)"
    page.evaluate("document.querySelector('#it').click()")
    assert page.evaluate("!!document.querySelector('#it')")
