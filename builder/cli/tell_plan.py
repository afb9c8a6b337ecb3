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
_PAGES = (
    click.option("--markdown", type=_FILE, metavar="FILE", help="Also write the plan for a pull request."),
    click.option("--html", type=_FILE, metavar="FILE", help="Also write the plan as one page for a browser."),
    full_option := click.option("--full", is_flag=True, help="Also show every property of what is created."),
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
    from builder.report.review import without_links

    if wiring.json_events:
        wiring.console.result(as_json.made(plan, wiring.console.now()))
    if wiring.has_own_endpoint:
        plan = without_links(plan)
    links: Literal["in titles", "in a list"] = "in titles" if wiring.console.takes_links else "in a list"
    wiring.console.say(text.plan(plan, text.View(full=full, links=links)))
    if markdown:
        from builder.report.markdown import plan as markdown_of

        _write(markdown, "--markdown", markdown_of(plan, str(plan_file)))
    if html:
        from builder.report.html import plan as html_of

        _write(html, "--html", html_of(plan, str(plan_file)))


def _write(page: Path, option: str, text: str) -> None:
    write_private(page, text.encode(), option)
