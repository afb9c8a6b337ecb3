"""Write docs/states.md from the table that the tests hold the deployer to.

    python scripts/states_doc.py [--check]

With --check nothing is written, and the exit code is 3 where the file is stale.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The table is the tests' own: what the page says is what they hold the deployer to, no more and no less.
sys.path.insert(0, str(ROOT / "tests"))

from deploy.states import MEANS, STATES, Cell, Does, State  # noqa: E402

PAGE = ROOT / "docs" / "states.md"
HEAD = """\
# Every status, every command

What each command does about a stack that it finds in each of CloudFormation's statuses. Made by
`python scripts/states_doc.py` from the table in `tests/deploy/states.py`, of which a test is generated for every cell;
another fails when this page is stale.

| found in | `plan`, `deploy` | `execute`, to create it | `execute`, moved since | `execute` again | `destroy` |
| --- | --- | --- | --- | --- | --- |
"""
TAIL = """
- *`execute`, to create it*: the plan found no such stack, and now finds it so.
- *`execute`, moved since*: the plan is to update the stack, and somebody else has brought it here.
- *`execute` again*: the plan's own change set has brought it here, and the same plan is executed once more.
- `execute --recover` rolls back the same as `plan --recover`, and then stops: a change set that was rolled back can't
  be executed again, so a new plan is due.
- An operation under way is assumed to end as the arrow says.
- `destroy` of a stack with termination protection stops with exit 4 before it touches anything, whatever the status;
  `--allow STACK/TerminationProtection` has it lifted first.

"""


def main() -> int:
    """Write or compare the page and return the exit code."""
    page = make_page()
    if "--check" in sys.argv[1:]:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page
        print(f"{PAGE.name} is {'stale: python scripts/states_doc.py' if stale else 'as the table says'}")
        return 3 if stale else 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


def make_page() -> str:
    """Return the page's text."""
    words = "".join(f"- **{does.value}**: {MEANS[does]}.\n" for does in Does)
    return HEAD + "".join(_row(state) for state in STATES) + TAIL + words


def _row(state: State) -> str:
    status = f"`{state.status}`" + (f" → `{state.becomes}`" if state.becomes else "")
    plan = _cell(state.plan) + (f"; with `--recover`: {_cell(state.recover)}" if state.recover else "")
    others = (state.created, state.updated, state.again, state.destroy)
    return f"| {' | '.join((status, plan, *(_cell(cell) for cell in others)))} |\n"


def _cell(cell: Cell) -> str:
    return ", then ".join(does.value for does in cell)


if __name__ == "__main__":
    sys.exit(main())
