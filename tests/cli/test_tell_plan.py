import json
import subprocess
import sys
from pathlib import Path

import pytest

from answer import Command

PLANS = Path(__file__).parents[1] / "golden" / "plans"
REPLACEMENT = str(PLANS / "replacement.json")


def test_a_saved_plan_is_written_for_a_pull_request_and_for_a_browser(builder: Command, tmp_path: Path) -> None:
    page, comment = tmp_path / "plan.html", tmp_path / "plan.md"
    answer = builder("show", REPLACEMENT, "--markdown", str(comment), "--html", str(page))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("0 to create, 2 to update (1 replacement), 3 unchanged\n")
    assert comment.read_text().startswith("### 0 to create, 2 to update (1 replacement), 3 unchanged\n")
    assert f"python -m builder execute {REPLACEMENT}" in page.read_text()


def test_a_new_plan_is_written_to_pages_too(project: Path, builder: Command, credentials: None) -> None:
    answer = builder("plan", "-o", "mine.json", "--html", "plan.html", "--markdown", "plan.md")
    assert answer.code == 0
    assert "python -m builder execute mine.json" in Path("plan.html").read_text()
    # What is asked is no AWS: its console knows nothing of these change sets.
    assert "[review](" not in Path("plan.md").read_text()
    assert "5 to create" in Path("plan.md").read_text()


def test_with_json_a_plan_is_one_event_on_stdout(builder: Command) -> None:
    answer = builder("show", REPLACEMENT, "--json")
    (line,) = map(json.loads, answer.out.splitlines())
    assert (line["event"], line["allow"]) == ("plan.made", ["us-east-1/table/Table"])
    assert "1 replacement" in answer.err


@pytest.mark.parametrize("option", ["--markdown", "--html"])
def test_a_page_that_cannot_be_written_is_a_wrong_input(builder: Command, tmp_path: Path, option: str) -> None:
    page = tmp_path / "missing" / "plan"
    answer = builder("show", REPLACEMENT, option, str(page))
    assert answer.code == 2
    assert answer.err == f"error: {option} {page}: cannot be written (No such file or directory)\n"


@pytest.mark.processes
def test_what_pages_need_is_imported_for_pages_only() -> None:
    code = "import sys; from builder.cli import main; main.main(['show', *sys.argv[1:]]); exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, REPLACEMENT], capture_output=True, check=False).returncode == 0
