"""A reviewer sees what matters: what is created, what that opens to the world, the riskiest first, readable links."""

import io
import json
import re
from dataclasses import replace

import pytest

from builder.deploy.records import GuardHit, ResourceChange
from builder.report import html, markdown, text
from builder.report.console import Console, ScreenRich, follows_links
from builder.report.review import Rank, make_entries, make_ranks, without_links
from builder.terms import LogicalId
from report.sample import FUNCTION, plan, step

URL = ResourceChange(
    action="Add",
    logical_id=LogicalId("Url"),
    type="AWS::Lambda::Url",
    opens=("anyone may call it",),
    definition=json.dumps({"AuthType": "NONE", "Cors": {"MaxAge": 5}}),
)
CREATED = step("us-east-1/service", type="CREATE", risk="create", changes=(URL,), console="https://aws/created")
UPDATED = step("us-west-2/service", changes=(FUNCTION,), console="https://aws/updated")
GUARDED = step("us-east-1/table", changes=(replace(FUNCTION, logical_id=LogicalId("Table")),), console="https://aws/g")
GUARD = GuardHit(stack="us-east-1/table", logical_id="Table", why="it goes", allow="us-east-1/table/Table")
PLAN = plan(CREATED, UPDATED, GUARDED, guards=(GUARD,))


def test_ranks_are_told_apart_and_the_first_is_what_loses_something() -> None:
    ranks = [(rank, [entry.stack for entry in entries]) for rank, entries in make_ranks(make_entries(PLAN))]
    assert ranks == [
        (Rank.LOSES, ["us-east-1/table"]),
        (Rank.UPDATES, ["us-west-2/service"]),
        (Rank.CREATES, ["us-east-1/service"]),
    ]
    printed = text.plan_text(PLAN).plain
    headings = [printed.index(f"{rank} (1)") for rank, _ in ranks]
    assert headings == sorted(headings)


def test_what_opens_something_is_called_out_in_every_form() -> None:
    for shown in (
        text.plan_text(PLAN).plain,
        html.plan_page(PLAN, "plan.json"),
        markdown.plan_markdown(PLAN, "plan.json"),
    ):
        assert "pens to the world:" in shown or "Opens to the world</h2>" in shown
        assert "anyone may call it" in shown
    assert "us-east-1/service/Url: anyone may call it" in text.plan_text(PLAN).plain


def test_properties_of_what_is_created_are_shown_where_they_are_asked_for() -> None:
    assert "MaxAge" not in text.plan_text(PLAN).plain
    full = text.plan_text(PLAN, text.View(full=True)).plain
    assert '      {\n        "AuthType": "NONE",\n        "Cors": {\n          "MaxAge": 5' in full
    page = html.plan_page(PLAN, "plan.json")
    folded = re.search(r'<details class="definition">.*?</details>', page, re.DOTALL)
    assert folded is not None
    assert "MaxAge" in folded[0]
    assert "MaxAge" in markdown.plan_markdown(PLAN, "plan.json")


def test_the_first_of_the_riskiest_is_open_on_the_page_and_no_other() -> None:
    page = html.plan_page(PLAN, "plan.json")
    assert re.findall(r"<details open>\s*<summary><h4>([^<]+)", page) == ["us-east-1/table"]


def test_links_are_a_numbered_list_where_the_terminal_follows_none() -> None:
    lines = text.plan_text(PLAN).plain.splitlines()
    assert [line for line in lines if "https://" in line] == [
        "  [1] https://aws/g",
        "  [2] https://aws/updated",
        "  [3] https://aws/created",
    ]
    assert any(line.startswith("us-west-2/service [2]  update") for line in lines)


def test_links_are_behind_the_titles_where_the_terminal_follows_them() -> None:
    shown = text.plan_text(PLAN, text.View(links="in titles"))
    assert "https://" not in shown.plain
    screen = io.StringIO()
    ScreenRich(file=screen, force_terminal=True, width=80, color_system="standard").print(shown)
    assert re.findall(r"\x1b]8;id=\d+;(https://[^\x1b]+)\x1b", screen.getvalue()) == [
        "https://aws/g",
        "https://aws/updated",
        "https://aws/created",
    ]


def test_there_are_none_where_the_endpoint_is_one_s_own() -> None:
    bare = without_links(PLAN)
    for shown in (
        text.plan_text(bare).plain,
        html.plan_page(bare, "plan.json"),
        markdown.plan_markdown(bare, "plan.json"),
    ):
        assert "https://aws/" not in shown
        assert "CloudFormation console" not in shown


@pytest.mark.parametrize(
    ("environment", "follows"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "tmux"}, False),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "4200"}, False),
        ({"WT_SESSION": "a"}, True),
        ({"FORCE_HYPERLINK": "1", "TERM": "linux"}, True),
        ({"FORCE_HYPERLINK": "0", "TERM_PROGRAM": "iTerm.app"}, False),
    ],
)
def test_a_terminal_follows_links_if_it_is_known_to(environment: dict[str, str], *, follows: bool) -> None:
    assert follows_links(environment) is follows


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(**environment: str) -> Console:
    return Console(json_events=False, now=lambda: None, environment=environment)  # type: ignore[arg-type,return-value]


def test_a_pipe_follows_none() -> None:
    assert console(FORCE_HYPERLINK="1").takes_links is False


def test_what_a_console_is_given_says_whether_its_terminal_follows_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("FORCE_HYPERLINK", "1")
    assert console(TERM="xterm-kitty").takes_links is True
    assert console(TERM="xterm").takes_links is False
    assert console(TERM="dumb", FORCE_HYPERLINK="1").takes_links is False
