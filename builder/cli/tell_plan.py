"""Showing a plan: as text, with --json as an event too, and as pages to hand on; what the planning verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from builder.cli.plan_at_hand import write_private
from builder.cli.wiring import Wiring

if TYPE_CHECKING:
    from builder.deploy import Plan

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)
full_option = click.option("--full", is_flag=True, help="Also show every property of what is created.")
_PAGES = (
    click.option("--markdown", type=_FILE, metavar="FILE", help="Also write the plan for a pull request."),
    click.option("--html", type=_FILE, metavar="FILE", help="Also write the plan as one page for a browser."),
    full_option,
)


def page_options(function: F) -> F:
    """Add the files that a plan can also be written to."""
    for option in reversed(_PAGES):
        function = option(function)
    return function


def tell_plan(  # noqa: PLR0913 - the pages, each an option of its own
    wiring: Wiring,
    plan: "Plan",
    plan_file: Path,
    *,
    markdown: Path | None = None,
    html: Path | None = None,
    full: bool = False,
) -> None:
    """Show a plan, which is or will be saved in `plan_file`. Raises BadInput where a page can't be written."""
    from builder.report import as_json, text

    write_pages(wiring, plan, plan_file, markdown=markdown, html=html)
    if wiring.json_events:
        wiring.console.result(as_json.made(plan, wiring.console.now()))
    links: Literal["in titles", "in a list"] = "in titles" if wiring.console.takes_links else "in a list"
    wiring.console.say(text.plan(_linked(wiring, plan), text.View(full=full, links=links)))


def write_pages(wiring: Wiring, plan: "Plan", plan_file: Path, *, markdown: Path | None, html: Path | None) -> None:
    """Write the pages that were asked for. Raises BadInput where one can't be written."""
    plan = _linked(wiring, plan)
    if markdown:
        from builder.report.markdown import plan as markdown_of

        write_private(markdown, markdown_of(plan, str(plan_file)).encode(), "--markdown")
    if html:
        from builder.report.html import plan as html_of

        write_private(html, html_of(plan, str(plan_file)).encode(), "--html")


def _linked(wiring: Wiring, plan: "Plan") -> "Plan":
    """Return the plan with links to AWS's console only where it is AWS that is asked."""
    from builder.report.review import without_links

    return without_links(plan) if wiring.has_own_endpoint else plan
