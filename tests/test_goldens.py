"""What is generated and committed: fresh, and clean to cfn-lint."""

from pathlib import Path

import pytest

from builder.assembly import find_changes, read_assembly
from builder.assembly.diagram import make_diagram
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.report import offline

ROOT = Path(__file__).parent.parent
GOLDENS = sorted((ROOT / "tests" / "golden").glob("*/dr.yaml"))
FOLDERS = [pytest.param(path.parent, id=path.parent.name) for path in (ROOT / "dr.yaml", *GOLDENS)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_is_what_its_config_leads_to(folder: Path) -> None:
    assembly = make_assembly(load_config(folder / "dr.yaml"))

    assert find_changes(folder / "templates", assembly).paths == (), "stale: python scripts/goldens.py"


@pytest.mark.linter
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_lints_clean(folder: Path) -> None:
    assert lint_assembly(folder / "templates").findings == ()


@pytest.mark.parametrize("folder", [path.parent for path in GOLDENS], ids=lambda folder: folder.name)
def test_a_golden_is_drawn_as_its_templates_are(folder: Path) -> None:
    shown = make_diagram(read_assembly(folder / "templates"))

    assert (folder / "graph.mmd").read_text() == offline.mermaid_diagram(shown), "stale: python scripts/goldens.py"
    assert (folder / "graph.dot").read_text() == offline.dot_diagram(shown), "stale: python scripts/goldens.py"


def test_there_are_odd_configs_among_them() -> None:
    assert len(GOLDENS) >= 2
