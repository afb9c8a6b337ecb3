"""A fleet's plan for a pull request and for a browser: the system's pages, with what it means in accounts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.deploy.records import GuardHit
from builder.fleet.plan import make_pace
from builder.fleet.records import FLEET_PLAN_VERSION, FleetPlan
from builder.report.fleet_plan import make_pages
from builder.report.html import plan_page
from builder.report.markdown import LIMIT, plan_markdown
from builder.terms import StackId
from fleet.stack_sets import ACCOUNTS, EAST, FLEET, WEST, set_plan, sites
from fleet.test_plan_file import ORDINARY
from report.chromium import Page, browse
from report.sample import step
from report.test_fleet import MANY, REPLACED


def sample(*named: str) -> FleetPlan:
    """A plan whose first set replaces a table everywhere, and whose second waits for it and lets an account go."""
    named = named or MANY
    table = set_plan(
        "us-east-1/table",
        updating=sites(EAST, *named),
        changes=(REPLACED,),
        remarks=(f"{ACCOUNTS[2]} is left out: it is CLOSED",),
        pace=make_pace({"MaxConcurrentCount": 5}, sites(EAST, *named), 90.0),
    )
    storage = set_plan("us-west-2/storage", "targets", leaving=sites(WEST, ACCOUNTS[0]))
    storage = replace(storage, stack_set=replace(storage.stack_set, needs=(StackId("us-east-1/table"),)))
    hits = (
        GuardHit(stack=FLEET, logical_id="Table", why="it is replaced", allow="us-east-1/table/Table"),
        GuardHit(
            stack=FLEET, logical_id=ACCOUNTS[0], why="the account leaves", allow=f"us-west-2/storage/{ACCOUNTS[0]}"
        ),
    )
    ordinary = replace(ORDINARY, steps=(step(FLEET),), guards=hits)
    return FleetPlan(version=FLEET_PLAN_VERSION, ordinary=ordinary, sets=(table, storage))


def markdown(plan: FleetPlan) -> str:
    shown, accounts = make_pages(plan)
    return plan_markdown(shown, "fleet-plan.json", accounts)


def page(plan: FleetPlan) -> str:
    shown, accounts = make_pages(plan)
    return plan_page(shown, "fleet-plan.json", accounts)


def test_a_comment_has_the_sum_each_set_with_its_accounts_and_what_stops_it() -> None:
    text = markdown(sample())
    assert text.startswith(
        "### In 201 accounts and 2 regions &#40;us-east-1, us-west-2&#41;&#58; stacks 200 updated, 1 d"
    )
    assert "It takes about 5 h&#58; 200 accounts, one at a time, 2 min for each as last time." in text
    assert "| us-east-1 | table | **replace** | 200 stacks: 1 replaced, **to be allowed** |  |" in text
    assert "| us-west-2 | storage | **remove** | 1 stack, **to be allowed** |  |" in text
    assert "  updates its stack in 200 accounts [A] in us-east-1" in text
    assert f"  note: {ACCOUNTS[2]} is left out: it is CLOSED" in text
    assert f"--allow us-west-2/storage/{ACCOUNTS[0]}" in text.replace("&#47;", "/").replace("&#32;", " ")
    assert "accounts &#91;A&#93;, 200&#58;" in text


def test_of_ten_thousand_accounts_a_comment_is_as_long_as_it_may_be() -> None:
    text = markdown(sample(*(str(100_000_000_000 + number) for number in range(10_000))))
    assert len(text) <= LIMIT


def test_the_page_has_the_order_of_the_sets_their_accounts_and_the_command() -> None:
    text = page(sample())
    assert "<h1>Plan of tap-fleet-dev</h1>" in text
    assert "StackSet <code>tap-dev-us-west-2-storage</code> in us-west-2, after" in text
    assert '<h2 id="accounts">Accounts</h2>' in text
    assert "<code>python -m builder fleet execute fleet-plan.json</code>" in text
    assert text.count('class="arrow"') == 1


def test_a_fleet_that_is_well_has_pages_that_say_so() -> None:
    well = FleetPlan(
        version=FLEET_PLAN_VERSION,
        ordinary=replace(ORDINARY, steps=(), guards=()),
        sets=(set_plan(does="nothing"),),
    )
    assert "No stack in any account changes" in markdown(well)
    assert "No changes" in page(well)


@pytest.fixture(scope="module")
def chromium(browser: str) -> Iterator[Page]:
    with browse(browser) as opened:
        yield opened


@pytest.mark.xdist_group("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_is_as_wide_as_the_window(chromium: Page, tmp_path: Path, width: int, scheme: str) -> None:
    written = tmp_path / "fleet.html"
    written.write_text(page(sample()))
    chromium.show(scheme=scheme, width=width)
    chromium.open(written)
    chromium.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
