"""What is filled in is in test_html.py and test_drill_page.py; here, what holds of every page."""

import jinja2
import pytest

from builder.report.html import fill_page


def test_a_fact_that_a_page_asks_for_and_is_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        fill_page("drill.html.j2", ("plan.css",), {"badge": str, "wide": str})
