"""docs/rules.md is what the rules say."""

import runpy

from rules.conftest import ROOT


def test_the_page_is_fresh() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "rules_page.py"))

    assert made["PAGE"].read_text() == made["make_page"](), "stale: python scripts/rules_page.py"
