"""What is generated and committed: fresh, and clean to cfn-lint."""

from pathlib import Path

import pytest

from builder.assembly import stale_files
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.config import read_wanted

ROOT = Path(__file__).parent.parent
GOLDENS = sorted((ROOT / "tests" / "golden").glob("*/dr.yaml"))
FOLDERS = [pytest.param(path.parent, id=path.parent.name) for path in (ROOT / "dr.yaml", *GOLDENS)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_is_what_its_config_leads_to(folder: Path) -> None:
    assembly = make_assembly(read_wanted(folder / "dr.yaml"))

    assert stale_files(folder / "templates", assembly) == (), "stale: python scripts/goldens.py"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_lints_clean(folder: Path) -> None:
    assert lint_assembly(folder / "templates").findings == ()


def test_there_are_odd_configs_among_them() -> None:
    assert len(GOLDENS) >= 2
